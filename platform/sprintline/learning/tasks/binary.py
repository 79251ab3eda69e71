"""Yes or no: a model predicts the probability of yes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.metric_functions import Floats
from sprintline.learning.tasks.task import Task, mean_of

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.facts import SameNumber, Skill
    from sprintline.mechanisms.reports.document import Section

NEAR = 0.02
"""Probabilities so close to another, in logits, are the same number for any decision: 0.2500 and 0.2537 are."""
LEAST = 50
"""Outcomes of either kind that an earlier origin must have to be judged."""


class Binary(Task):
    """The probability of yes."""

    name = "binary"
    answers = "yes or no"
    reported = ("roc_auc", "average_precision", "brier")
    decides = "roc_auc"
    watched = ("roc_auc", "brier")
    quality = "roc_auc"
    column = "probability"
    said = "probabilities"
    classifier = True
    tried_on = "two classes"
    bounds = (-0.125, 1.0)
    """Of the excess: at p = ¾ with y = 1, and at p = 0 with y = 1."""

    @property
    def is_rate(self) -> bool:
        return True

    def odd(self, answers: pd.Series) -> pd.Series:
        return ~answers.isin((0, 1))

    def told(self, label: str, outcomes: str) -> str:
        return (
            f"{label} of {outcomes} must be a condition, as minutes > 40, when models predict yes or no; to predict "
            f"the number itself write `task: regression` under model in defs.yaml"
        )

    def takes(self, data_type: str) -> bool:
        return data_type.startswith("bool") or data_type.endswith(("int", "integer"))

    def predicted(self, pipeline: Any, inputs: pd.DataFrame) -> Floats:
        return np.asarray(pipeline.predict_proba(inputs)[:, 1], dtype=np.float64)

    def from_onnx(self, session: Any, feed: Mapping[str, NDArray[Any]]) -> Floats:
        chance = session.run(["probabilities"], feed)[0][:, 1].astype(np.float64)
        return np.clip(chance, 0.0, 1.0)  # float32 sums can pass 1 by one part in ten million

    def sql(self, column: str) -> str:
        return f'cast("{column}" as integer)'

    def levels(self, answers: pd.Series) -> dict[str, Any]:
        return {"positive_rate": mean_of(self.coded(answers))}

    def usable(self, predictions: Floats) -> NDArray[np.bool_]:
        return (predictions >= 0.0) & (predictions <= 1.0)  # False for NaN

    def same_number(self, predictions: Floats, answers: Floats) -> SameNumber:
        """A model that is nearly certain of most questions (rare events) gives one number to most of them as well, but
        expects no positives there. So it is the smallest share that counts: of the questions, of the positives expected
        among them, of the negatives expected.
        """
        chance = np.clip(predictions[np.isfinite(predictions)], 0.0, 1.0)
        if not len(chance):
            return {"rows": 0, "number": None, "share": None}
        middle = float(np.median(chance))
        near = np.abs(chance - middle) <= NEAR * middle * (1 - middle)
        expected = [np.ones(len(chance)), chance, 1 - chance]
        shares = [float(of[near].sum() / of.sum()) for of in expected if of.sum() > 0]
        return {"rows": len(chance), "number": round(middle, 6), "share": round(min(shares), 6)}

    def enough(self, answers: Floats) -> bool:
        return bool(min(answers.sum(), len(answers) - answers.sum()) >= LEAST)

    def skill(self, answers: Floats, predictions: Floats, naive: Floats, asked: NDArray[np.int64]) -> Skill:
        """Twice the ROC-AUC less 1; its standard error is that of Hanley and McNeil."""
        area, positives = self.of_quality(answers, predictions), int(answers.sum())
        error = None if area is None else standard_error(area, positives, len(answers) - positives)
        return {
            "roc_auc": area,
            "error": error,
            "naive": self.of_quality(answers, naive),
            "skill": None if area is None else 2 * area - 1,
            "skill_error": None if error is None else 2 * error,
        }

    def excess(
        self, answers: Floats, predictions: Floats, errors: Mapping[str, Any] | None
    ) -> tuple[Floats, float] | None:
        """Squared error over the squared error that the probability itself leads to expect, (y - p)² - p (1 - p): 0 on
        average wherever the probabilities are right, whatever the share of positives (the calibration part of the Brier
        score; Murphy, 1973). Its standard deviation is known without any data.
        """
        expected = predictions * (1 - predictions)
        ordinary = float(np.sqrt(np.mean(expected * (1 - 2 * predictions) ** 2)))
        return (answers - predictions) ** 2 - expected, max(ordinary, 1e-6)

    def plot(self, answers: Floats, predictions: Floats, sprint: str) -> tuple[str, str]:
        from sprintline.learning import plots

        return "calibration", plots.calibration({"yes": (answers, predictions)}, sprint)

    def single(self, predictions: Floats) -> Floats | None:
        return predictions

    def sections(self, answers: Floats, predictions: Floats, naive: Floats) -> tuple[Section, ...]:
        from sprintline.learning import diagnosis

        return diagnosis.calibration(answers, predictions), diagnosis.thresholds(answers, predictions)


def standard_error(roc_auc: float, positives: int, negatives: int) -> float:
    """Standard error of a ROC-AUC. Hanley & McNeil (1982), "The meaning and use of the area under a ROC curve"."""
    area = roc_auc
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (one - area**2) + (negatives - 1) * (two - area**2)
    return float(np.sqrt(max(spread, 0.0) / (positives * negatives)))


TASK = Binary()
