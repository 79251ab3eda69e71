"""The known outcomes that models learn from and are scored with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.product.runtime import Runtime
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd


def labels_of(runtime: Runtime, sprints: list[str]) -> pd.DataFrame:
    """Known outcomes of some sprints: question_id, sprint, label (as a number), and the moment it became known."""
    spec = runtime.spec.model
    relation = runtime[Warehouse].relations()[spec.outcomes]
    from sprintline.learning.tasks import task_of

    number = task_of(runtime).sql(spec.label)
    marks = ", ".join("?" for _ in sprints) or "null"
    return runtime[Warehouse].query(
        f"select question_id, sprint, {number} as label, known_at from {relation} "  # noqa: S608
        f'where sprint in ({marks}) and "{spec.label}" is not null',  # not answered yet, or never
        sprints,
    )
