"""What the stores say of scores and drift, for the rules on them."""

from __future__ import annotations

from sprintline.features.questions import question_ids
from sprintline.learning.labels import labels_of
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence
from sprintline.monitoring.facts import DriftFacts, ScoresEvidence, ScoresFacts
from sprintline.monitoring.fitness import answers, weak_before, weaknesses
from sprintline.product.runtime import Runtime


def _scores(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    measured = runtime.measured(asset, sprint)
    if measured is None:
        return NOTHING
    facts: ScoresFacts = measured.facts
    asked = question_ids(runtime, sprint)
    answered = asked.isin(labels_of(runtime, [sprint])["question_id"])
    champion, given = facts["champion"], answers(runtime, sprint, facts)
    found: ScoresEvidence = {
        **facts,
        "questions": len(asked),
        "answered": int(answered.sum()),
        "served": champion is not None or given is not None,
        "weak": None,
        "weak_before": weak_before(runtime, sprint, champion),
    }
    found.pop("answers", None)
    if given:
        found["answers"] = given
    found["weak"] = weaknesses(runtime, found)
    return found, measured.data_version


def _settled(facts: DriftFacts) -> bool:
    """Suspected drift is one sprint's word against the others': it confirms and clears nothing."""
    return facts.get("state") != "suspected"


KINDS = (
    AssetKind(
        name="scores",
        reads="the ids of question_features and the predictions in the lake, and the outcomes mart, all read again",
        assets=lambda runtime: ("scores",),
        facts=ScoresFacts,
        gather=_scores,
    ),
    AssetKind(
        name="drift",
        reads="the drift recorded for the sprint, with its saved report",
        assets=lambda runtime: ("drift",),
        facts=DriftFacts,
        settled=_settled,
    ),
)
