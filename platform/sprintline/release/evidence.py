"""What the stores say of a candidate, for the rules on candidates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sprintline.learning.registry import Models
from sprintline.learning.rules import NOT_TOO_GOOD
from sprintline.learning.skills import quality_of
from sprintline.mechanisms.rules.attestations import attestations
from sprintline.mechanisms.rules.events import ATTESTATION
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence
from sprintline.product.past import decision_of
from sprintline.product.runtime import Runtime
from sprintline.profiles.history import open_findings
from sprintline.release.cards import card_faults
from sprintline.release.comparison import kept
from sprintline.release.facts import CandidateEvidence, CandidateFacts

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Measurement

#: A statement about one candidate holds for the next ones up to so much more quality: sprints differ by about this.
ABOUT_AS_GOOD = 0.02


def _candidate(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    """What was measured of the candidate; its training keys, release and card as they lie there now."""
    measured = runtime.measured(asset, sprint)
    if measured is None:
        return NOTHING
    facts: CandidateFacts = measured.facts
    model_id = facts["model_id"]
    found: CandidateEvidence = {
        **facts,
        **kept(runtime, sprint, model_id, facts["champion"]),
        "damaged": release_damage(runtime, facts),
        "card": card_faults(runtime, model_id),
        "plausible_by": _plausible_by(runtime, facts),
        "profiles": {
            key: open_findings(runtime, key) for key in (*facts["snapshot"]["sprints"], facts["judged"])
        },
    }
    return found, measured.data_version


def _plausible_by(runtime: Runtime, facts: CandidateFacts) -> str | None:
    """Who stated for a candidate with the same inputs, and a score as good or nearly, that it is no leak."""
    events = runtime.records.events(product=runtime.product, kind=ATTESTATION)
    stated = attestations(events, NOT_TOO_GOOD.code, runtime.clock.now())
    if not stated:
        return None
    by_version = {one.data_version: one.facts for one in runtime.history("candidate").values()}
    for one in reversed(stated):
        about: CandidateFacts | None = by_version.get(one.about or "")
        if about is None or set(about["inputs"]) != set(facts["inputs"]):
            continue
        then, now = (quality_of(each["by_model"]["candidate"])[1] for each in (about, facts))
        if then is not None and now is not None and now <= then + ABOUT_AS_GOOD:
            return one.attester
    return None


def release_version(runtime: Runtime, candidate: Measurement) -> str | None:
    """The candidate's model id, unless its release is gone or holds other files than were saved."""
    return None if release_damage(runtime, candidate.facts) else candidate.data_version


def release_damage(runtime: Runtime, facts: CandidateFacts) -> list[str]:
    """What is wrong with a candidate's release, a sentence each; empty while it is as it was saved."""
    from sprintline.learning.bundles import ReleaseError

    try:
        return runtime[Models].release(facts["model_id"], facts["release_digest"]).verify()
    except ReleaseError as error:
        return [str(error)]


def _versions(runtime: Runtime, sprint: str, measured: Mapping[str, Measurement]) -> dict[str, str | None]:
    return {asset: release_version(runtime, one) for asset, one in measured.items()}


def _trained(runtime: Runtime, sprint: str) -> bool:
    """Whether a candidate was trained for the sprint: decided on already, or made and waiting for its decision."""
    decision = decision_of(runtime, sprint)
    if decision is None:
        return runtime.measured("candidate", sprint) is not None
    return bool(decision["candidate"])


KINDS = (
    AssetKind(
        name="candidate",
        reads="the record of the training, the training keys kept in MLflow, and the release's files, read again",
        assets=lambda runtime: ("candidate",),
        facts=CandidateFacts,
        gather=_candidate,
        versions=_versions,
        owed=_trained,
        skipped="Skipped in a sprint that trains no candidate: there is none to judge, and no gate asks for one",
    ),
)
