"""A number as quantiles: the lowest and the highest are an interval, the middle one is the number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.metric_functions import Floats, Prepare, of_levels, pinball_losses
from sprintline.learning.tasks.regression import Regression
from sprintline.learning.tasks.task import TaskError

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.mechanisms.reports.document import Section

QUANTILES = "quantiles"


class Quantile(Regression):
    """Quantiles of the number, judged by the pinball loss. Predictions that cross are sorted."""

    name = "quantile"
    reported = ("pinball", "coverage_error", "d2_pinball")
    decides = "pinball"
    watched = ("pinball",)
    quality = "d2_pinball"
    column = "quantile"
    said = "quantiles"
    loss = "pinball"
    options = (QUANTILES,)

    def __init__(self, levels: tuple[float, ...] = ()) -> None:
        self.level = levels
        self.parts = tuple(_part(one) for one in levels)
        self.statistic = levels

    def given(self, options: Mapping[str, Any]) -> Quantile:
        super().given(options)
        levels = tuple(float(one) for one in options.get(QUANTILES) or ())
        if len(levels) < 2 or list(levels) != sorted(set(levels)) or not 0 < levels[0] < levels[-1] < 1:
            raise TaskError(
                QUANTILES,
                "the task quantile needs two or more levels between 0 and 1, rising: write "
                "`quantiles: [0.1, 0.5, 0.9]`",
            )
        return Quantile(levels)

    @property
    def given_options(self) -> dict[str, Any]:
        return {QUANTILES: list(self.level)}

    @property
    def scorers(self) -> Mapping[str, Prepare]:
        return of_levels(self.level)

    def targets(self, answers: NDArray[Any]) -> NDArray[Any]:
        return np.tile(answers[:, None], (1, len(self.level)))

    def unsuited(self, pipeline: Any) -> str | None:
        from sprintline.learning.quantiles import PARAMETERS, PerQuantile

        last = pipeline[-1]
        listed = ", ".join(f"{one:g}" for one in self.level)
        way = f"write PerQuantile(estimator, levels=({listed})) of sprintline.learning.quantiles as the last step"
        if not isinstance(last, PerQuantile):
            return f"{type(last).__name__} does not predict quantiles: the task is quantile, {way}"
        if tuple(map(float, last.levels)) != self.level:
            told = ", ".join(f"{one:g}" for one in last.levels)
            return f"the recipe predicts the quantiles {told}, defs.yaml says {listed}: {way}"
        if (name := type(last.estimator).__name__) not in PARAMETERS:
            return f"{name} predicts no quantile; use one of {', '.join(sorted(PARAMETERS))}"
        return None

    def predicted(self, pipeline: Any, inputs: pd.DataFrame) -> Floats:
        return np.sort(np.asarray(pipeline.predict(inputs), dtype=np.float64), axis=1)

    def from_onnx(self, session: Any, feed: Mapping[str, NDArray[Any]]) -> Floats:
        return np.sort(np.asarray(session.run(None, feed)[0], dtype=np.float64), axis=1)

    def usable(self, predictions: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(predictions).all(axis=1))

    def losses(self, answers: Floats, predictions: Floats) -> Floats:
        """The pinball loss of each row, mean over the levels."""
        return pinball_losses(answers, predictions, np.asarray(self.level))

    def size(self, predictions: Floats) -> Floats:
        """The middle quantile."""
        return predictions[:, len(self.level) // 2]

    def sections(self, answers: Floats, predictions: Floats, naive: Floats) -> tuple[Section, ...]:
        from sprintline.learning import diagnosis

        return (
            diagnosis.levels(answers, predictions, naive, self.level),
            diagnosis.residuals(answers, self.size(predictions)),
        )

    def plot(self, answers: Floats, predictions: Floats, sprint: str) -> tuple[str, str]:
        from sprintline.learning import plots

        below = (answers[:, None] <= predictions).mean(axis=0)
        drawn = [
            plots.coverage(
                self.level, below.tolist(), float((predictions[:, -1] - predictions[:, 0]).mean()), sprint
            ),
            plots.predicted_observed(answers, self.size(predictions), sprint),
        ]
        return "coverage of the quantiles, predicted and observed", " ".join(drawn)


def _part(level: float) -> str:
    """A level as the end of a column's name: 0.1 is 10, 0.025 is 2_5."""
    return f"{100 * level:.10g}".replace(".", "_")


TASK = Quantile()
