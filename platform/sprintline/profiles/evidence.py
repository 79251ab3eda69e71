"""What the records say of a sprint's profiles, for the rules on them."""

from __future__ import annotations

from sprintline.lake.recorded import lake_versions
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence
from sprintline.product.runtime import Runtime
from sprintline.profiles.facts import ProfilesEvidence, ProfilesFacts
from sprintline.profiles.history import PROFILES, accepted


def _profiles(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    measured = runtime.measured(asset, sprint)
    if measured is None:
        return NOTHING
    facts: ProfilesFacts = measured.facts
    found: ProfilesEvidence = {**facts, "accepted_by": accepted(runtime).get(sprint)}
    return found, measured.data_version


KINDS = (
    AssetKind(
        name="profiles",
        reads="the findings recorded with the sprint's profiles, and what persons stated about them",
        assets=lambda runtime: (PROFILES,),
        facts=ProfilesFacts,
        gather=_profiles,
        versions=lake_versions,
    ),
)
