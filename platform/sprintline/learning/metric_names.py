"""Metrics by name: what they are called, and whether more of them is better.

Without numpy, for the rules and pages that only name them; how they are computed is in `metric_functions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Predicted = Literal["number", "chance", "classes", "quantiles"]
"""What is predicted of a row."""


@dataclass(frozen=True)
class Metric:
    """A figure of how good predictions are.

    name: as in measurements. title: as people read it. short: the same where there is little room.
    loss: whether less is better; a gain of a loss is what the old model loses more.
    in_units: whether its size depends on the outcome (its unit, its classes), so that margins are shares of the loss.
    of: what is predicted: a number; the probability of 1, where outcomes are 0 or 1 (`chance`); the probability of each
        of k classes, where outcomes are their places from 0; or k quantiles, lowest first.
    ranks: whether it needs outcomes that differ.
    """

    name: str
    title: str
    short: str
    loss: bool
    in_units: bool = False
    of: Predicted = "number"
    ranks: bool = False

    @property
    def chance(self) -> bool:
        """Whether it is of probabilities of outcomes that are 0 or 1."""
        return self.of == "chance"

    @property
    def heading(self) -> str:
        """The title as it begins a line or stands over a chart."""
        return self.title[0].upper() + self.title[1:]

    @property
    def gain(self) -> str:
        """What a difference of two models is called: positive means better."""
        return f"{self.title} gain" if self.loss else self.title

    @property
    def better(self) -> str:
        return "lower is better" if self.loss else "higher is better"


METRICS: dict[str, Metric] = {
    one.name: one
    for one in (
        Metric("roc_auc", "ROC-AUC", "ROC-AUC", loss=False, of="chance", ranks=True),
        Metric("average_precision", "average precision", "av. prec.", loss=False, of="chance", ranks=True),
        Metric("brier", "Brier score", "Brier", loss=True, of="chance"),
        Metric("poisson_deviance", "Poisson deviance", "deviance", loss=True, in_units=True),
        Metric("mae", "mean absolute error", "MAE", loss=True, in_units=True),
        Metric("rmse", "root mean squared error", "RMSE", loss=True, in_units=True),
        Metric("r2", "R²", "R²", loss=False),
        Metric("log_loss", "log loss", "log loss", loss=True, in_units=True, of="classes"),
        Metric(
            "roc_auc_ovr",
            "ROC-AUC, each class against the rest",
            "AUC o.v.r.",
            loss=False,
            of="classes",
            ranks=True,
        ),
        Metric("f1_macro", "macro F1", "macro F1", loss=False, of="classes"),
        Metric("pinball", "pinball loss", "pinball", loss=True, in_units=True, of="quantiles"),
        Metric("coverage_error", "coverage error", "cov. error", loss=True, of="quantiles"),
        Metric("d2_pinball", "D² of the pinball loss", "D²", loss=False, of="quantiles"),
    )
}
"""Every metric. Tasks say which of them they report and by which they decide."""
