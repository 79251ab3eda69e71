"""Faults of the data a model is asked with, and of the answers that come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.mechanisms.rules.faults import Fault, Sandbox
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd


def _other_customers(sandbox: Sandbox) -> None:
    """For two sprints orders come from one district, late on weekends, and one courier carries them badly."""

    def change(asked: pd.DataFrame) -> pd.DataFrame:
        asked["placed_hour"] = (asked["placed_hour"] + 4).clip(upper=23)
        asked["weekday"] = 6 + asked["weekday"] % 2
        asked["courier"], asked["district"] = "budget", "harbour"
        for name in ("courier_late_rate_1d", "courier_late_rate_7d"):
            asked[name] = (asked[name] + 0.4).clip(upper=1.0)
        asked["courier_delay_minutes_1d"] += 20
        return asked

    for sprint in (sandbox.before, sandbox.sprint):
        sandbox.partition("question_features", change, sprint)


def _answers_turned_round(sandbox: Sandbox) -> None:
    """The questions are those of always, and end the other way."""
    relation = sandbox.runtime[Warehouse].relations()["outcomes"]
    sandbox.sql(
        f"update {relation} set late = not late where sprint = '{sandbox.sprint}'"  # noqa: S608 - our own names
    )


def _feed_half_empty(sandbox: Sandbox) -> None:
    def change(asked: pd.DataFrame) -> pd.DataFrame:
        asked.loc[asked.index[::2], "courier_late_rate_7d"] = float("nan")
        return asked

    sandbox.partition("question_features", change)


def _answers_lost(sandbox: Sandbox) -> None:
    """Of the outcomes only one courier's came."""
    relation = sandbox.runtime[Warehouse].relations()["outcomes"]
    sandbox.sql(
        f"delete from {relation} where sprint = '{sandbox.sprint}' and courier <> 'swift'"  # noqa: S608 - our own names
    )


FAULTS = (
    Fault(
        "MO501", "other customers for two sprints", "lake partitions of question_features", "drift", _other_customers,
        run=("drift",), sprints_before=1,
    ),
    Fault(
        "MO502", "outcomes turned round", "table outcomes in the warehouse", "drift", _answers_turned_round,
        run=("drift",),
    ),
    Fault(
        "MO503", "a feature that came half empty", "lake partition of question_features", "drift", _feed_half_empty,
        run=("drift",),
    ),
    Fault(
        "MO504", "outcomes of one courier only", "table outcomes in the warehouse", "scores", _answers_lost,
        run=("scores",),
    ),
)  # fmt: skip
