"""Faults of the calendar, and of the data a model is asked with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.faults.fault import DONE, Fault
from sprintline.faults.ground import Ground
from sprintline.faults.in_data import MODELS

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


def _answers_turned_round(ground: Ground) -> None:
    """The questions are those of always, and end the other way."""
    relation = ground.runtime.warehouse.relations()["outcomes"]
    ground.sql(
        f"update {relation} set late = not late where sprint = '{ground.sprint}'"  # noqa: S608 - our own names
    )


def _answers_lost(ground: Ground) -> None:
    """Of the outcomes only one courier's came."""
    relation = ground.runtime.warehouse.relations()["outcomes"]
    ground.sql(
        f"delete from {relation} where sprint = '{ground.sprint}' and courier <> 'swift'"  # noqa: S608 - our own names
    )


def _feed_half_empty(ground: Ground) -> None:
    def change(asked: pd.DataFrame) -> pd.DataFrame:
        asked.loc[asked.index[::2], "courier_late_rate_7d"] = float("nan")
        return asked

    ground.partition("question_features", change)


def _accepted_rows_lost(ground: Ground) -> None:
    ground.partition("orders", lambda orders: orders.iloc[10:])


def _outcome_mended_by_hand(ground: Ground) -> None:
    relation = ground.runtime.warehouse.relations()["outcomes"]
    ground.sql(
        f"update {relation} set delay_minutes = delay_minutes + 1 "  # noqa: S608 - our own names
        f"where sprint = '{ground.sprint}' and delay_minutes < 10"
    )


def _release_swapped(ground: Ground) -> None:
    facts = ground.runtime.measurement("candidate", ground.sprint).facts
    folder = ground.runtime.models.releases / facts["model_id"]
    (folder / "model.onnx").write_bytes((folder / "twin.onnx").read_bytes())


def _corrected(ground: Ground, sprint: str) -> None:
    ground.land(
        "orders", lambda orders: orders.assign(promised_minutes=orders["promised_minutes"] + 1), sprint
    )


def _sprint_before_corrected(ground: Ground) -> None:
    _corrected(ground, ground.before)


def _own_file_corrected(ground: Ground) -> None:
    _corrected(ground, ground.sprint)


INTO_MARTS = ("orders", "deliveries", *MODELS, "increment")
"""What a corrected file goes through, without the features that were computed before it came."""

THROUGH = (
    *INTO_MARTS, "courier_delays", "question_features", "online_features", "predictions", "scores", "drift",
)  # fmt: skip
"""All that a closed sprint is made of, its decision left as it is."""

GATES = (
    Fault(
        DONE, "accepted rows lost after they were judged", "lake partition of orders", "increment",
        _accepted_rows_lost, run=("increment",),
    ),
    Fault(
        DONE, "outcomes mended by hand after they were judged", "table outcomes in the warehouse", "increment",
        _outcome_mended_by_hand, run=("increment",),
    ),
    Fault(
        DONE, "a release swapped after it was judged", "release folder, model.onnx", "increment",
        _release_swapped, run=("increment",),
    ),
)  # fmt: skip
"""Faults that no rule is asked about: verdicts passed, then their data changed. The gate itself must refuse."""

FAULTS = (
    *GATES,
    Fault(
        "CAL001", "a plan that ends in two sprints", "calendar in defs.yaml", "increment", _plan_runs_out,
        run=("increment",),
    ),
    Fault(
        "DL701", "the sprint before corrected afterwards", "landing file of orders, sprint before", "increment",
        _sprint_before_corrected, run=INTO_MARTS, sprints_before=1,
    ),
    Fault(
        "DL702", "its own file corrected, and nobody said why", "landing file of orders", "increment",
        _own_file_corrected, run=THROUGH,
    ),
    Fault(
        "MO501", "other customers for two sprints", "lake partitions of question_features", "drift", _other_customers,
        run=("drift",), sprints_before=1,
    ),
    Fault(
        "MO504", "outcomes of one courier only", "table outcomes in the warehouse", "scores", _answers_lost,
        run=("scores",),
    ),
    Fault(
        "MO502", "outcomes turned round", "table outcomes in the warehouse", "drift", _answers_turned_round,
        run=("drift",),
    ),
    Fault(
        "MO503", "a feature that came half empty", "lake partition of question_features", "drift", _feed_half_empty,
        run=("drift",),
    ),
)  # fmt: skip
