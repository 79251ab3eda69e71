"""One of several classes: a model predicts the probability of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.metric_functions import Floats, log_losses, one_hot
from sprintline.learning.recipes import SHARE
from sprintline.learning.tasks.task import Task, TaskError, skill_over

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.facts import SameNumber, Skill
    from sprintline.learning.synthetic_rows import Answer
    from sprintline.mechanisms.reports.document import Section

NEAR = 0.02
"""Probabilities so close to another, in logits, are the same number for any decision."""
LEAST = 10
"""Answers of each class that an earlier origin must have to be judged."""
CLASSES = "classes"


class Multiclass(Task):
    """The probability of each class, judged by the log loss.

    What is most probable is said by the platform and not by the model's own labels, which exports give otherwise where
    two classes are as probable.
    """

    name = "multiclass"
    answers = "one of the classes"
    reported = ("log_loss", "roc_auc_ovr", "f1_macro")
    decides = "log_loss"
    watched = ("log_loss", "roc_auc_ovr")
    quality = "roc_auc_ovr"
    column = "probability"
    said = "probabilities"
    classifier = True
    tried_on: ClassVar[Answer] = "four classes"
    options = (CLASSES,)
    bounds = (-0.5, 2.0)
    """Of the excess: at p = ½ when no other class is likely, and when another one was sure."""

    def __init__(self, classes: tuple[str, ...] = ()) -> None:
        self.classes = classes
        self.parts = tuple(map(_part, classes))
        self.statistic = (SHARE,) * len(classes)

    def given(self, options: Mapping[str, Any]) -> Multiclass:
        super().given(options)
        classes = tuple(str(one) for one in options.get(CLASSES) or ())
        if len(classes) < 2:
            raise TaskError(
                CLASSES,
                "the task multiclass needs the classes that there can be: write `classes: [early, on time, late]`, in "
                "the words of the label's column",
            )
        found: dict[str, str] = {}
        for one in classes:
            if (part := _part(one)) in found:
                raise TaskError(
                    CLASSES,
                    f"the classes {found[part]!r} and {one!r} would have their probabilities in one column, "
                    f"{self.column}_{part}: rename one of them, in the mart too",
                )
            found[part] = one
        return Multiclass(classes)

    @property
    def given_options(self) -> dict[str, Any]:
        return {CLASSES: list(self.classes)}

    # --- answers -----------------------------------------------------------------------------------------------------

    def odd(self, answers: pd.Series) -> pd.Series:
        return ~answers.astype(str).isin(self.classes)

    def odd_codes(self, answers: pd.Series) -> pd.Series:
        return ~answers.isin(range(len(self.classes)))

    def sql(self, column: str) -> str:
        quoted = [one.replace("'", "''") for one in self.classes]
        whens = " ".join(f"when '{one}' then {place}" for place, one in enumerate(quoted))
        return f'cast(case cast("{column}" as varchar) {whens} end as integer)'

    def coded(self, answers: pd.Series) -> pd.Series:
        return answers.astype(str).map({one: float(place) for place, one in enumerate(self.classes)})

    def targets(self, answers: NDArray[Any]) -> NDArray[Any]:
        return one_hot(answers, len(self.classes))

    def levels(self, answers: pd.Series) -> dict[str, Any]:
        shares = answers.astype(str).value_counts(normalize=True)
        found = {one: round(float(shares.get(one, 0.0)), 6) for one in self.classes} if len(answers) else None
        return {"positive_rate": None, "shares": found}

    def told(self, label: str, outcomes: str) -> str:
        listed = ", ".join(self.classes)
        return (
            f"{label} of {outcomes} must be one of {listed}, the classes in defs.yaml; let the mart say one of them "
            f"where there are others (case ... else)"
        )

    def takes(self, data_type: str) -> bool:
        return any(one in data_type for one in ("char", "string", "text", "int", "enum"))

    def lacking(self, answers: pd.Series) -> str | None:
        came = set(answers.astype(int))
        none = [one for place, one in enumerate(self.classes) if place not in came]
        return f"no answer of the class {none[0]}" if none else None

    # --- predictions -------------------------------------------------------------------------------------------------

    def predicted(self, pipeline: Any, inputs: pd.DataFrame) -> Floats:
        found = np.zeros((len(inputs), len(self.classes)))
        found[:, np.asarray(pipeline.classes_, dtype=np.int64)] = pipeline.predict_proba(inputs)
        return found

    def from_onnx(self, session: Any, feed: Mapping[str, NDArray[Any]]) -> Floats:
        found = np.asarray(session.run(["probabilities"], feed)[0], dtype=np.float64)
        return np.clip(found, 0.0, 1.0)  # float32 sums can pass 1 by one part in ten million

    def usable(self, predictions: Floats) -> NDArray[np.bool_]:
        inside = ((predictions >= 0.0) & (predictions <= 1.0)).all(axis=1)
        return np.asarray(inside & (np.abs(predictions.sum(axis=1) - 1) < 1e-3))

    def issued(self, predictions: Floats) -> dict[str, Any]:
        """Besides the probabilities, the most probable class; of equal ones the first that defs.yaml names."""
        most = np.asarray(self.classes, dtype=object)[predictions.argmax(axis=1)] if len(predictions) else []
        return {"prediction": most, **super().issued(predictions)}

    def same_number(self, predictions: Floats, answers: Floats) -> SameNumber:
        """The smallest share that counts: of the questions, and of the answers of each class expected among them."""
        chance = predictions[np.isfinite(predictions).all(axis=1)]
        if not len(chance):
            return {"rows": 0, "number": None, "share": None}
        middle = np.median(chance, axis=0)
        near = (np.abs(chance - middle) <= NEAR * np.maximum(middle * (1 - middle), 1e-6)).all(axis=1)
        expected = [np.ones(len(chance)), *chance.T]
        shares = [float(of[near].sum() / of.sum()) for of in expected if of.sum() > 0]
        return {"rows": len(chance), "number": round(float(middle.max()), 6), "share": round(min(shares), 6)}

    # --- scores ------------------------------------------------------------------------------------------------------

    def enough(self, answers: Floats) -> bool:
        return bool((np.bincount(answers.astype(np.int64), minlength=len(self.classes)) >= LEAST).all())

    def skill(self, answers: Floats, predictions: Floats, naive: Floats, asked: NDArray[np.int64]) -> Skill:
        """The share of the naive baseline's log loss that the model does away with."""
        return skill_over(log_losses(answers, predictions), log_losses(answers, naive), asked, "log_loss")

    def excess(
        self, answers: Floats, predictions: Floats, errors: Mapping[str, Any] | None
    ) -> tuple[Floats, float] | None:
        """Squared error over all classes less that which the probabilities themselves lead to expect, 1 - sum p²: 0 on
        average wherever they are right (the calibration part of the Brier score; Murphy, 1973). Its standard deviation
        is known without any data: only 2 p of the class that comes is random.
        """
        squares = (predictions**2).sum(axis=1)
        error = ((predictions - one_hot(answers, len(self.classes))) ** 2).sum(axis=1)
        spread = 4 * ((predictions**3).sum(axis=1) - squares**2)
        return error - (1 - squares), max(float(np.sqrt(np.mean(np.maximum(spread, 0)))), 1e-6)

    def binned(self, predictions: Floats) -> tuple[Floats, bool]:
        """The most probable classes; NaN where there is no prediction."""
        known = np.isfinite(predictions).all(axis=1)
        return np.where(known, np.nan_to_num(predictions).argmax(axis=1), np.nan), True

    def sections(self, answers: Floats, predictions: Floats, naive: Floats) -> tuple[Section, ...]:
        from sprintline.learning import diagnosis

        return diagnosis.by_class(answers, predictions, self.classes), diagnosis.confused(
            answers, predictions, self.classes
        )

    def plot(self, answers: Floats, predictions: Floats, sprint: str) -> tuple[str, str]:
        from sprintline.learning import plots

        came = one_hot(answers, len(self.classes))
        lines = {one: (came[:, place], predictions[:, place]) for place, one in enumerate(self.classes)}
        said = one_hot(predictions.argmax(axis=1).astype(np.float64), len(self.classes))
        drawn = [plots.calibration(lines, sprint), plots.confusion(came.T @ said, self.classes, sprint)]
        return "calibration and most probable class", " ".join(drawn)


def _part(name: str) -> str:
    """A class as the end of a column's name: lower-case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "other"


TASK = Multiclass()
