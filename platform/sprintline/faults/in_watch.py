"""Faults of the calendar, and of the data a model is asked with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.faults.fault import Fault
from sprintline.faults.ground import Ground

if TYPE_CHECKING:
    import pandas as pd


def _plan_runs_out(ground: Ground) -> None:
    ground.edit(
        "platform/products/{product}/defs.yaml",
        ('planned_until: "2026-08-03"', 'planned_until: "2026-03-02"'),
    )


def _other_customers(ground: Ground) -> None:
    """For two sprints orders come from one district, late on weekends, and one courier carries them badly."""

    def change(asked: pd.DataFrame) -> pd.DataFrame:
        asked["placed_hour"] = (asked["placed_hour"] + 4).clip(upper=23)
        asked["weekday"] = 6 + asked["weekday"] % 2
        asked["courier"], asked["district"] = "budget", "harbour"
        for name in ("courier_late_rate_1d", "courier_late_rate_7d"):
            asked[name] = (asked[name] + 0.4).clip(upper=1.0)
        asked["courier_delay_minutes_1d"] += 20
        return asked

    for sprint in (ground.before, ground.sprint):
        ground.partition("question_features", change, sprint)


FAULTS = (
    Fault(
        "CAL001", "a plan that ends in two sprints", "calendar in defs.yaml", "increment", _plan_runs_out,
        run=("increment",),
    ),
    Fault(
        "MO501", "other customers for two sprints", "lake partitions of question_features", "drift", _other_customers,
        run=("drift",), sprints_before=1,
    ),
)  # fmt: skip
