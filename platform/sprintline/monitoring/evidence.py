"""What the stores say of scores and drift, for the rules on them."""

from __future__ import annotations

from sprintline.features.questions import asked_ids
from sprintline.learning.labels import labels_of
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence, recorded
from sprintline.product.runtime import Runtime


def _scores(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    asked = asked_ids(runtime, sprint)
    answered = asked.isin(labels_of(runtime, [sprint])["question_id"])
    return {**facts, "questions": len(asked), "answered": int(answered.sum())}, version


KINDS = (
    AssetKind(
        name="scores",
        reads="the ids of question_features in the lake and the outcomes mart, both read again",
        assets=lambda runtime: ("scores",),
        gather=_scores,
    ),
    AssetKind(
        name="drift",
        reads="the drift recorded for the sprint, with its saved report",
        assets=lambda runtime: ("drift",),
        # Suspected drift is one sprint's word against the others': it confirms and clears nothing.
        settled=lambda facts: facts.get("state") != "suspected",
    ),
)
