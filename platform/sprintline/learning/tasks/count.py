"""How many: a whole number from 0, as orders in an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.metric_functions import Floats
from sprintline.learning.tasks.regression import Regression

if TYPE_CHECKING:
    import pandas as pd


class Count(Regression):
    """The expected count, judged by the Poisson deviance: being off by one matters more among few than among many."""

    name = "count"
    answers = "a count"
    reported = ("poisson_deviance", "mae", "r2")
    decides = "poisson_deviance"
    watched = ("poisson_deviance", "mae")
    statistic = "mean"
    tried_on = "count"

    def odd(self, answers: pd.Series) -> pd.Series:
        return super().odd(answers) | (answers.astype(float) < 0) | (answers.astype(float) % 1 != 0)

    def told(self, label: str, outcomes: str) -> str:
        return (
            f"{label} of {outcomes} must be a whole number from 0 when models predict a count; for any other number "
            f"write `task: regression` under model in defs.yaml"
        )

    def predicted(self, pipeline: Any, inputs: pd.DataFrame) -> Floats:
        return np.maximum(super().predicted(pipeline, inputs), 0.0)

    def from_onnx(self, session: Any, feed: Any) -> Floats:
        return np.maximum(super().from_onnx(session, feed), 0.0)

    def usable(self, predictions: Floats) -> NDArray[np.bool_]:
        return super().usable(predictions) & (predictions >= 0)


TASK = Count()
