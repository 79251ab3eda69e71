"""Metrics by name: what they are called, and whether more of them is better.

Without numpy, for the rules and pages that only name them; how they are computed is in `metric_functions`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A figure of how good predictions are.

    name: as in measurements. title: as people read it. short: the same where there is little room.
    loss: whether less is better; a gain of a loss is what the old model loses more.
    in_units: whether it has the unit of the outcome, and not a scale of its own; margins are then shares of the loss.
    chance: whether it is of probabilities of outcomes that are 0 or 1. ranks: whether it needs both of these.
    """

    name: str
    title: str
    short: str
    loss: bool
    in_units: bool = False
    chance: bool = False
    ranks: bool = False

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
        Metric("roc_auc", "ROC-AUC", "ROC-AUC", loss=False, chance=True, ranks=True),
        Metric("average_precision", "average precision", "av. prec.", loss=False, chance=True, ranks=True),
        Metric("brier", "Brier score", "Brier", loss=True, chance=True),
        Metric("poisson_deviance", "Poisson deviance", "deviance", loss=True, in_units=True),
        Metric("mae", "mean absolute error", "MAE", loss=True, in_units=True),
        Metric("rmse", "root mean squared error", "RMSE", loss=True, in_units=True),
        Metric("r2", "R²", "R²", loss=False),
    )
}
"""Every metric. Tasks say which of them they report and by which they decide."""
