"""The flights under other tasks: what a team changes for each, and the figures of its forecasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PRODUCT = "flight_delays"
SEASON_DAYS = 7

CLASSES = ("early", "on time", "late", "cancelled")

DEFS = f"platform/products/{PRODUCT}/defs.yaml"
MODEL = f"platform/products/{PRODUCT}/model.py"
OUTCOMES = f"dbt_project/models/{PRODUCT}/marts/outcomes"

Change = tuple[str, str, str]
"""A file, a text in it (empty: all of it), and what takes its place."""


@dataclass(frozen=True)
class Asked:
    """The flights under another task.

    title: of its part of the page. label: column of the outcomes. means: what it is, with its unit.
    changes: what a team changes for it, beside `EARLY`. figures: those of each forecast, from the rows to score and the
        rows of the sprints before. columns: their names, the one that decides first. notes: paragraphs of the page.
    """

    title: str
    label: str
    means: str
    changes: tuple[Change, ...]
    figures: Callable[[pd.DataFrame, pd.DataFrame], dict[str, dict[str, float]]]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


EARLY: tuple[Change, ...] = (
    # The first champion after four fortnights, so that a test of five meets one. After three, the interval of its gain
    # over the group baseline holds zero.
    (DEFS, "bootstrap_after: 6", "bootstrap_after: 4"),
    # More than the binary model needs: this runs beside other work, and a budget that is used up fails a candidate.
    (DEFS, "time_budget_seconds: 180", "time_budget_seconds: 1800"),
)


def minutes(rows: pd.DataFrame, before: pd.DataFrame) -> dict[str, dict[str, float]]:
    """MAE, RMSE, R² and MASE of each forecast.

    MASE divides by the mean absolute error of the seasonal naive forecast in the sprints before (Hyndman and Koehler,
    International Journal of Forecasting 22, 2006): 1 is as good as that was.
    """
    from sprintline.learning.metrics import measured

    past = before.dropna(subset=["seasonal"])
    scale = float((past["answer"] - past["seasonal"]).abs().mean())
    found = {}
    for name in FORECASTS:
        predictions = rows[name].astype(float).fillna(rows["naive"].astype(float))
        one = measured(rows["answer"].astype(float), predictions, ("mae", "rmse", "r2"))
        found[name] = {**one, "mase": one["mae"] / scale}
    return found


def classes(rows: pd.DataFrame, _before: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Metrics of the probabilities; of a forecast that is one class for certain, the one that says something of it."""
    import numpy as np

    from sprintline.learning.tasks import tasks

    task = tasks()["multiclass"].given({"classes": CLASSES})
    answers, group = task.coded(rows["answer"]).to_numpy(), task.of(rows, "naive")
    stems = {"prediction": task.column, "twin": "twin", "naive": "naive"}
    found = {name: dict(task.measure(answers, task.of(rows, stem))) for name, stem in stems.items()}
    for name in ("last", "seasonal"):
        there = rows[name].notna().to_numpy()
        certain = group.copy()
        certain[there] = np.eye(len(CLASSES))[task.coded(rows[name][there]).to_numpy(dtype=int)]
        figures = task.measure(answers, certain)
        found[name] = {"f1_macro": figures["f1_macro"]}
    return found


FORECASTS = {
    "prediction": "model",
    "twin": "twin",
    "naive": "group",
    "last": "last value",
    "seasonal": "seasonal naive",
}

_ARRIVAL = """\
    case
        when cancelled then 'cancelled'
        when arrival_delay_minutes <= -15 then 'early'
        when arrival_delay_minutes >= 15 then 'late'
        else 'on time'
    end as arrival,
"""
_KNOWN = "    case when cancelled then departure_known_at else arrival_known_at end as known_at\n"
_OUTCOMES = """\
version: 2

models:
  - name: outcomes
    description: >-
      How each flight ended, as soon as it is known. Grain: one row per flight that arrived or was cancelled; a diverted
      one has no outcome.
    data_tests:
      - not_null_columns:
          arguments:
            columns: [question_id, sprint, arrival, known_at]
          config:
            meta: {rule: DQ202}
    columns:
      - name: question_id
        data_type: string
        description: The question, as in questions.
        data_tests:
          - unique:
              config:
                meta: {rule: DQ201}
          - relationships:
              arguments:
                to: ref("questions")
                field: question_id
              config:
                meta: {rule: DQ203}
      - name: sprint
        data_type: string
        description: Sprint in which the flight was scheduled to depart; the partition.
      - name: arrival
        data_type: string
        description: early, on time, late or cancelled; the label.
      - name: known_at
        data_type: timestamptz
        description: "Moment of the arrival, or at which a flight was known not to have left, UTC."
"""

ASKED: dict[str, Asked] = {
    "regression": Asked(
        title="Minutes: regression",
        label="arrival_delay_minutes",
        means="minutes from scheduled to actual arrival, negative when early",
        changes=(
            (DEFS, "label: late", "label: arrival_delay_minutes\n    task: regression"),
            (
                DEFS,
                "positive: arrives more than 15 minutes late",
                "positive: minutes from scheduled to actual arrival, negative when early",
            ),
            (MODEL, "HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
            (MODEL, "BOOSTING = {", 'BOOSTING = {\n    "loss": "absolute_error",'),
            (
                MODEL,
                'TWIN = {"C": 1.0, "max_iter": 500}',
                'TWIN = {"loss": "epsilon_insensitive", "epsilon": 0.0}',
            ),
            (MODEL, "LogisticRegression", "SGDRegressor"),
        ),
        figures=minutes,
        columns=("mae", "rmse", "r2", "mase"),
        notes=(
            "MAE and RMSE in minutes. MASE is the MAE as a multiple of that which the seasonal naive forecast had in "
            "the sprints before (Hyndman and Koehler, 2006). The model and its twin are fitted to the absolute error, "
            "and so is the median: RMSE and R² are not what they aim at.",
            "Not measured: the coverage of an interval, because this task issues one number. A flight that was "
            "cancelled or diverted has no delay and is in no figure.",
        ),
    ),
    "multiclass": Asked(
        title="Early, on time, late or cancelled: multi-class",
        label="arrival",
        means="early (15 minutes or more before schedule), late (15 or more after it), on time (between) or cancelled",
        changes=(
            (
                DEFS,
                "label: late",
                f"label: arrival\n    task: multiclass\n    classes: [{', '.join(CLASSES)}]",
            ),
            (DEFS, "positive: arrives more than 15 minutes late", "positive: how a flight ends"),
            (
                OUTCOMES + ".sql",
                "    arrival_delay_minutes > 15 as late,\n    arrival_delay_minutes,\n",
                _ARRIVAL,
            ),
            (OUTCOMES + ".sql", "    arrival_known_at as known_at\n", _KNOWN),
            (OUTCOMES + ".sql", "where arrived\n", "where arrived or cancelled\n"),
            (OUTCOMES + ".yml", "", _OUTCOMES),
        ),
        figures=classes,
        columns=("log_loss", "roc_auc_ovr", "f1_macro"),
        notes=(
            "The last value and the seasonal naive forecast are one class for certain: their log loss is infinite as "
            "soon as they are wrong once, and they rank nothing, so only the macro F1 is shown of them.",
            "A cancelled flight is known to be cancelled twelve hours after its schedule. Of a diverted one nothing is "
            "said, and it is in no figure.",
        ),
    ),
}
