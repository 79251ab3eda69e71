"""What the stores say of issued predictions, for the rules on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sprintline.features.questions import question_ids
from sprintline.lake.recorded import NOTHING_WRITTEN, in_lake, lake_versions
from sprintline.lake.tables import Lake
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence
from sprintline.product.facts import PredictionsFacts
from sprintline.product.runtime import Runtime
from sprintline.release.live import live
from sprintline.serving.facts import PredictionsEvidence

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Measurement

NOTHING_ISSUED = NOTHING_WRITTEN
"""Version of the predictions of a sprint without a champion before it."""


def _predictions(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    from sprintline.learning.tasks import task_of

    measured = runtime.measured(asset, sprint)
    if measured is None:
        return NOTHING
    facts: PredictionsFacts = measured.facts
    asked, before = question_ids(runtime, sprint), live(runtime, sprint)
    found: PredictionsEvidence = {
        **facts,
        "questions": len(asked),
        "issued": facts["champion"] is not None,
        "live": before.model_id if before else None,
    }
    if not found["issued"]:
        return found, NOTHING_ISSUED
    issued = runtime[Lake].read(runtime.table(asset), [sprint], missing_ok=True)
    task = task_of(runtime)
    inside = task.usable(task.of(issued, task.column))
    answered: PredictionsEvidence = {
        **found,
        "rows": len(issued),
        "without_probability": int((~inside).sum()),
        "distinct_questions": int(issued["question_id"].isin(asked).sum())
        if issued["question_id"].is_unique
        else int(issued["question_id"].nunique()),
        "champion": ", ".join(sorted(issued["model_id"].unique())),
    }
    return answered, in_lake(runtime, asset, sprint)


def _versions(runtime: Runtime, sprint: str, measured: Mapping[str, Measurement]) -> dict[str, str | None]:
    found = lake_versions(runtime, sprint, measured)
    return {
        asset: NOTHING_ISSUED if one.data_version == NOTHING_ISSUED else found[asset]
        for asset, one in measured.items()
    }


KINDS = (
    AssetKind(
        name="predictions",
        reads="the partitions of predictions and of question_features in the lake, and the ledger's decisions",
        assets=lambda runtime: ("predictions",),
        facts=PredictionsFacts,
        gather=_predictions,
        versions=_versions,
    ),
)
