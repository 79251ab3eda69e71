"""A number: minutes, kilowatts, money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.metric_functions import Floats
from sprintline.learning.metrics import of_groups
from sprintline.learning.tasks.task import Task, skill_over

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.facts import SameNumber, Skill
    from sprintline.learning.synthetic_rows import Answer
    from sprintline.mechanisms.reports.document import Section

NEAR = 0.02
"""Predictions within so many standard deviations of the answers are one number."""
LEAST = 100
"""Answers that an earlier origin must have to be judged."""
GROUPS = 10
"""Groups of predictions whose usual error is kept."""
MOST = 5.0
"""Excess that one error can have: what is further off says no more."""


class Regression(Task):
    """The number itself, judged by its absolute error: a few answers far off do not decide."""

    name = "regression"
    answers = "a number"
    reported = ("mae", "rmse", "r2")
    decides = "mae"
    watched: ClassVar[tuple[str, ...]] = ("mae", "rmse")
    quality = "r2"
    statistic: str | tuple[str | float, ...] = "median"
    loss: ClassVar[str] = "mae"
    """The metric of `losses`."""
    tried_on: ClassVar[Answer] = "number"
    bounds = (-MOST, MOST)

    @property
    def is_series(self) -> bool:
        return not self.parts

    def odd(self, answers: pd.Series) -> pd.Series:
        import pandas as pd

        return ~pd.to_numeric(answers, errors="coerce").astype(float).map(np.isfinite)

    def told(self, label: str, outcomes: str) -> str:
        return (
            f"{label} of {outcomes} must be a finite number when models predict a number; for a condition write "
            f"`task: binary` under model in defs.yaml"
        )

    def takes(self, data_type: str) -> bool:
        return not data_type.startswith(("bool", "date", "time")) and not any(
            one in data_type for one in ("char", "string", "text")
        )

    def predicted(self, pipeline: Any, inputs: pd.DataFrame) -> Floats:
        return np.asarray(pipeline.predict(inputs), dtype=np.float64).reshape(-1)

    def from_onnx(self, session: Any, feed: Mapping[str, NDArray[Any]]) -> Floats:
        return np.asarray(session.run(None, feed)[0], dtype=np.float64).reshape(-1)

    def usable(self, predictions: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(predictions))

    def same_number(self, predictions: Floats, answers: Floats) -> SameNumber:
        size = self.size(predictions)
        found = size[np.isfinite(size)]
        if not len(found):
            return {"rows": 0, "number": None, "share": None}
        middle = float(np.median(found))
        spread = float(answers.std()) if len(answers) else 0.0
        share = float((np.abs(found - middle) <= NEAR * spread).mean())
        return {"rows": len(found), "number": round(middle, 6), "share": round(share, 6)}

    def enough(self, answers: Floats) -> bool:
        return len(answers) >= LEAST and float(answers.std()) > 0

    def skill(self, answers: Floats, predictions: Floats, naive: Floats, asked: NDArray[np.int64]) -> Skill:
        """The share of the naive baseline's error that the model does away with."""
        return skill_over(self.losses(answers, predictions), self.losses(answers, naive), asked, self.loss)

    def losses(self, answers: Floats, predictions: Floats) -> Floats:
        """The error of each row: the absolute one."""
        return np.abs(answers - predictions)

    def size(self, predictions: Floats) -> Floats:
        """The number that each row's prediction stands for, by which usual errors are looked up."""
        return predictions

    def errors_of(self, answers: Floats, predictions: Floats) -> dict[str, Any] | None:
        """Mean and standard deviation of the error in groups of equally many predictions, and their bounds."""
        if not self.enough(answers):
            return None
        error, size = self.losses(answers, predictions), self.size(predictions)
        groups = of_groups(size, min(GROUPS, len(answers) // 30))
        spread = max(float(error.std()), 1e-9)
        return {
            "upto": [float(size[one].max()) for one in groups],
            "mean": [float(error[one].mean()) for one in groups],
            "spread": [max(float(error[one].std()), 0.1 * spread) for one in groups],
        }

    def excess(
        self, answers: Floats, predictions: Floats, errors: Mapping[str, Any] | None
    ) -> tuple[Floats, float] | None:
        """The error over the usual one at such a prediction, in its standard deviations: large numbers are usually
        further off, and a season of large numbers is no change.
        """
        if not errors:
            return None
        place = np.minimum(np.searchsorted(errors["upto"], self.size(predictions)), len(errors["upto"]) - 1)
        usual, spread = np.asarray(errors["mean"])[place], np.asarray(errors["spread"])[place]
        return np.clip((self.losses(answers, predictions) - usual) / spread, *self.bounds), 1.0

    def plot(self, answers: Floats, predictions: Floats, sprint: str) -> tuple[str, str]:
        from sprintline.learning import plots

        return "predicted and observed", plots.predicted_observed(answers, predictions, sprint)

    def single(self, predictions: Floats) -> Floats | None:
        return self.size(predictions)

    def sections(self, answers: Floats, predictions: Floats, naive: Floats) -> tuple[Section, ...]:
        from sprintline.learning import diagnosis

        return diagnosis.residuals(answers, predictions), diagnosis.coverage(answers, predictions, naive)


TASK = Regression()
