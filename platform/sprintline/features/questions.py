"""The questions of a sprint, as stored in the lake with their features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.lake.tables import Lake
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd


def question_ids(runtime: Runtime, sprint: str) -> pd.Series:
    """Ids of the questions whose features are in the lake for a sprint."""
    table = runtime.table("question_features")
    return runtime[Lake].read(table, [sprint], columns=["question_id"], missing_ok=True)["question_id"]
