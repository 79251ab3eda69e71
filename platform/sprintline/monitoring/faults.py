"""Faults of the data a model is asked with, and of the answers that come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.mechanisms.rules.faults import Fault, Sandbox
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd


def _other_customers(sandbox: Sandbox) -> None:
    """For two sprints orders come from one district, late on weekends, and one courier carries them badly."""
    _other_questions(sandbox, sandbox.before, sandbox.sprint)


def _other_customers_once(sandbox: Sandbox) -> None:
    """The same, in the sprint on trial alone."""
    _other_questions(sandbox, sandbox.sprint)


def _other_questions(sandbox: Sandbox, *sprints: str) -> None:

    def change(asked: pd.DataFrame) -> pd.DataFrame:
        asked["placed_hour"] = (asked["placed_hour"] + 4).clip(upper=23)
        asked["weekday"] = 6 + asked["weekday"] % 2
        asked["courier"], asked["district"] = "budget", "harbour"
        for name in ("courier_late_rate_1d", "courier_late_rate_7d"):
            asked[name] = (asked[name] + 0.4).clip(upper=1.0)
        asked["courier_delay_minutes_1d"] += 20
        return asked

    for sprint in sprints:
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


def _one_number(sandbox: Sandbox) -> None:
    sandbox.partition("predictions", lambda issued: issued.assign(probability=0.25))


def _nearly_one_number(sandbox: Sandbox) -> None:
    """A few questions are told apart, and the others by a millionth."""

    def change(issued: pd.DataFrame) -> pd.DataFrame:
        issued["probability"] = 0.25 + issued["probability"] / 1000
        issued.loc[issued.index[:3], "probability"] = 0.9
        return issued

    sandbox.partition("predictions", change)


def _turned_round(sandbox: Sandbox) -> None:
    """Questions are ranked from the last to the first."""
    sandbox.partition("predictions", _ranked_backwards)


def _ranked_backwards(issued: pd.DataFrame) -> pd.DataFrame:
    return issued.assign(probability=1 - issued["probability"])


def _worse_than_a_table(sandbox: Sandbox) -> None:
    """Each question is answered with the probability of another."""

    def change(issued: pd.DataFrame) -> pd.DataFrame:
        return issued.assign(probability=issued["probability"].sample(frac=1, random_state=3).to_numpy())

    sandbox.partition("predictions", change)


def _weak_twice(sandbox: Sandbox) -> None:
    for sprint in (sandbox.before, sandbox.sprint):
        sandbox.partition("predictions", _ranked_backwards, sprint)


FAULTS = (
    Fault(
        "MO501", "other customers for two sprints", "lake partitions of question_features", "drift", _other_customers,
        run=("drift",), sprints_before=1,
    ),
    Fault(
        "MO508", "other customers for one sprint", "lake partition of question_features", "drift",
        _other_customers_once, run=("drift",),
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
    Fault(
        "MO505", "one number for every question", "lake partition of predictions", "scores", _one_number,
        run=("scores",),
    ),
    Fault(
        "MO505", "nearly one number for all questions but three", "lake partition of predictions", "scores",
        _nearly_one_number,
    ),
    Fault("MO506", "answers turned round", "lake partition of predictions", "scores", _turned_round, run=("scores",)),
    Fault(
        "MO506", "answers given to other questions", "lake partition of predictions", "scores", _worse_than_a_table,
        run=("scores",),
    ),
    Fault(
        "MO507", "answers turned round in two sprints", "lake partitions of predictions", "scores", _weak_twice,
        run=("scores",), sprints_before=1,
    ),
)  # fmt: skip
