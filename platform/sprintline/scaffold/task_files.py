"""What differs between the files of a product by its task. Without heavy imports: the command line reads the names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Total:
    """A column of the history: what is added up by hour, and the feature that it becomes.

    name: in the mart `known_hours`. sql: of the answers of an hour. counts: whether it counts some of them.
    about: what it is. past: the feature. feature: what that is.
    """

    name: str
    sql: str
    counts: bool
    about: str
    past: str
    feature: str

    @property
    def type(self) -> str:
        """Type of the column in the warehouse."""
        return "int" if self.counts else "double"


@dataclass(frozen=True)
class TaskFiles:
    """What the templates of `own_file/` need to know of a task.

    answer_type: of the label in the warehouse. kind: of the boosted trees, Classifier or Regressor; loss: theirs, None
        for the default. linear: the twin's estimator, with its parameters, and whether it takes a seed. twin: what it
        is called. statistic: of a group, which the naive baseline predicts. quantiles: levels that are predicted.
        trees: how many, at most: a model per quantile is grown without early stopping.
    """

    answer_type: str
    kind: str
    linear: str
    linear_params: str
    twin: str
    statistic: str
    loss: str | None = None
    seeded: bool = True
    quantiles: tuple[float, ...] = ()
    trees: int = 400

    def options(self, classes: Sequence[str]) -> Mapping[str, Sequence[str | float]]:
        """What defs.yaml has to say of the task. classes: of the label, where it is text."""
        if self.answer_type == "string":
            return {"classes": classes}
        return {"quantiles": self.quantiles} if self.quantiles else {}

    def totals(self, classes: Sequence[str]) -> tuple[Total, ...]:
        """The columns of the history. classes: of the label, where it is text."""
        if self.answer_type == "boolean":
            return (
                Total(
                    "positives", "cast(sum(case when answer then 1 else 0 end) as int)", True,
                    "Those of them that were true.", "past_rate", "Share of true answers",
                ),
            )  # fmt: skip
        if self.answer_type == "double":
            return (Total("total", "sum(answer)", False, "Their sum.", "past_mean", "Mean of the answers"),)
        return tuple(_counted(one, word) for one, word in zip(classes, _words(classes), strict=True))


def _counted(value: str, word: str) -> Total:
    quoted = value.replace("'", "''")
    return Total(
        f"answers_{word}", f"cast(sum(case when answer = '{quoted}' then 1 else 0 end) as int)", True,
        f'Those of them that were "{value}".', f"past_share_{word}", f'Share of "{value}"',
    )  # fmt: skip


def _words(classes: Sequence[str]) -> list[str]:
    """A part of a column's name for each class; a number where the same would come twice, or nothing is left."""
    words: list[str] = []
    for place, one in enumerate(classes, start=1):
        word = re.sub(r"[^a-z0-9]+", "_", one.lower()).strip("_")[:30]
        words.append(f"{word}_{place}" if word in words or not word else word)
    return words


_LOGISTIC = ("Classifier", "LogisticRegression", '{"C": 0.3, "max_iter": 500}', "logistic regression")

TASK_FILES = {
    "binary": TaskFiles("boolean", *_LOGISTIC, statistic="rate"),
    "multiclass": TaskFiles("string", *_LOGISTIC, statistic="shares"),
    "regression": TaskFiles(
        "double", "Regressor", "Ridge", '{"alpha": 1.0}', "ridge regression", "median", "absolute_error"
    ),
    "count": TaskFiles(
        "double", "Regressor", "PoissonRegressor", '{"alpha": 1.0}', "Poisson regression", "mean", "poisson", False
    ),
    "quantile": TaskFiles(
        "double", "Regressor", "QuantileRegressor", '{"alpha": 0.001, "solver": "highs"}', "quantile regression",
        "quantiles", "quantile", False, quantiles=(0.1, 0.5, 0.9), trees=100,
    ),
}  # fmt: skip
"""By task. A test holds them to the tasks there are."""
