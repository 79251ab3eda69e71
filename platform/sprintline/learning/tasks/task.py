"""What a task says of its answers: which are usable, how they are predicted, scored and compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.metric_functions import PREPARE, Floats, Prepare
from sprintline.learning.metric_names import METRICS, Metric
from sprintline.learning.metrics import incomparable, measured

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.facts import Metrics, SameNumber, Skill
    from sprintline.learning.synthetic_rows import Answer
    from sprintline.mechanisms.reports.document import Section

DAY = 86_400


class TaskError(ValueError):
    """Options that a task cannot have. option: its key under `model` in defs.yaml."""

    def __init__(self, option: str, told: str) -> None:
        super().__init__(told)
        self.option = option


class Task(ABC):
    """One kind of answer.

    name: as in defs.yaml. answers: what an answer is, in a few words.
    reported: metrics that are measured and shown, in this order; the first is plotted by sprint.
    decides: the metric by which a candidate is compared for promotion. watched: those by which a champion is compared
        with its naive baseline in every sprint.
    quality: the metric by which importance is measured, and that can be too good to be true (`skills.QUALITIES`).
    column: of issued predictions. said: what they are called. parts: of several predictions a row, the ends of their
        columns' names; none where a row has one. statistic: of a group, which the naive baseline predicts: one of
        `recipes.STATISTICS`, or one for each part. classifier: whether estimators have to be. tried_on: invented
        answers on which a recipe is tried. options: what defs.yaml has to say of it under `model`.

    Answers are numbers everywhere but in the mart they come from: of classes, each one's place. Predictions have the
    shape (n), or (n, parts).
    """

    name: ClassVar[str]
    answers: ClassVar[str]
    reported: ClassVar[tuple[str, ...]]
    decides: ClassVar[str]
    watched: ClassVar[tuple[str, ...]]
    quality: ClassVar[str]
    column: ClassVar[str] = "prediction"
    said: ClassVar[str] = "predictions"
    parts: tuple[str, ...] = ()
    statistic: str | tuple[str | float, ...] = "mean"
    classifier: ClassVar[bool] = False
    tried_on: ClassVar[Answer]
    options: ClassVar[tuple[str, ...]] = ()

    def given(self, options: Mapping[str, Any]) -> Task:
        """This task with the options of a product. Raises TaskError for options that it cannot have."""
        for name in options:
            if name not in self.options:
                raise TaskError(name, f"the task {self.name} has no {name}: remove the line")
        return self

    @property
    def given_options(self) -> dict[str, Any]:
        """The options it was given, as manifests keep them."""
        return {}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The reported metrics."""
        return tuple(METRICS[name] for name in self.reported)

    @property
    def is_rate(self) -> bool:
        """Whether the mean of the answers is a share of 0 to 1."""
        return False

    @property
    def is_series(self) -> bool:
        """Whether the answer of an earlier question is itself a prediction, as of a number measured again and again."""
        return False

    # --- answers -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def odd(self, answers: pd.Series) -> pd.Series:
        """Which of some known answers (no nulls), as they are in the mart, are none of this task: a boolean each."""

    def sql(self, column: str) -> str:
        """SQL that reads a column of answers as numbers."""
        return f'cast("{column}" as double)'

    def coded(self, answers: pd.Series) -> pd.Series:
        """Known answers of the mart as numbers."""
        return answers.astype(float)

    def odd_codes(self, answers: pd.Series) -> pd.Series:
        """Which of some answers that were read as numbers are none of this task."""
        return self.odd(answers)

    def targets(self, answers: NDArray[Any]) -> NDArray[Any]:
        """The numbers whose statistic the naive baseline predicts: (n), or (n, parts)."""
        return answers

    def levels(self, answers: pd.Series) -> dict[str, Any]:
        """What known answers of a sprint are like, as facts: `positive_rate`, `mean_answer` or `shares`."""
        return {"positive_rate": None, "mean_answer": mean_of(self.coded(answers))}

    @abstractmethod
    def told(self, label: str, outcomes: str) -> str:
        """What a label has to be, and the way out, in a sentence; its column and table are named."""

    @abstractmethod
    def takes(self, data_type: str) -> bool:
        """Whether a column of this dbt data type (lower case, not empty) can be the label."""

    def too_equal(self, answers: pd.Series) -> bool:
        """Whether known answers are too much alike to learn anything from."""
        return bool(len(answers)) and answers.nunique() == 1

    def lacking(self, answers: pd.Series) -> str | None:
        """What no model can learn from these answers because there is none of it; None when nothing lacks."""
        return None

    def incomparable(self, answers: Floats, blocks: NDArray[Any] | None = None) -> str | None:
        """Why two models cannot be compared on these answers and blocks; None when they can."""
        return incomparable(answers, blocks, METRICS[self.decides].chance)

    def unsuited(self, pipeline: Any) -> str | None:
        """Why the last step of a pipeline cannot answer this task; None when it can."""
        from sklearn.base import is_classifier

        last = type(pipeline[-1]).__name__
        if is_classifier(pipeline) == self.classifier:
            return None
        wanted = "a classifier" if self.classifier else "a regressor"
        return (
            f"{last} does not predict {self.answers}: the task is {self.name}, use {wanted}, or write another task "
            f"under model in defs.yaml"
        )

    # --- predictions -------------------------------------------------------------------------------------------------

    @abstractmethod
    def predicted(self, pipeline: Any, inputs: pd.DataFrame) -> Floats:
        """What a fitted pipeline predicts: (n), or (n, parts)."""

    @abstractmethod
    def from_onnx(self, session: Any, feed: Mapping[str, NDArray[Any]]) -> Floats:
        """What its ONNX form predicts."""

    @abstractmethod
    def usable(self, predictions: Floats) -> NDArray[np.bool_]:
        """Which rows of predictions are answers of this task at all: a boolean a row; NaN is none."""

    def columns(self, stem: str) -> tuple[str, ...]:
        """Names of the columns of predictions that are called `stem`: itself, or one for each part."""
        return tuple(f"{stem}_{part}" for part in self.parts) or (stem,)

    def named(self, stem: str, predictions: Floats) -> dict[str, Floats]:
        """Predictions as columns."""
        several = predictions if self.parts else predictions[:, None]
        return {name: several[:, place] for place, name in enumerate(self.columns(stem))}

    def of(self, frame: pd.DataFrame, stem: str) -> Floats:
        """Predictions out of their columns, NaN where there is none."""
        import pandas as pd

        names = self.columns(stem)
        found = np.column_stack(
            [pd.to_numeric(frame[name]).to_numpy(np.float64, na_value=np.nan) for name in names]
        )
        return found if self.parts else found[:, 0]

    def issued(self, predictions: Floats) -> dict[str, Any]:
        """The columns of the predictions that a release gives."""
        return dict(self.named(self.column, predictions))

    @abstractmethod
    def same_number(self, predictions: Floats, answers: Floats) -> SameNumber:
        """How many of the predictions are one number. answers: those that are known by now, maybe none."""

    # --- scores ------------------------------------------------------------------------------------------------------

    @property
    def scorers(self) -> Mapping[str, Prepare]:
        """How metrics are computed, by name."""
        return PREPARE

    def measure(self, answers: Any, predictions: Any) -> Metrics:
        """The reported metrics; None where one has no value."""
        return measured(answers, predictions, self.reported, self.scorers)

    def of_quality(self, answers: Any, predictions: Any) -> float | None:
        """The metric `quality`."""
        return measured(answers, predictions, (self.quality,), self.scorers).get(self.quality)  # type: ignore[return-value]

    @abstractmethod
    def enough(self, answers: Floats) -> bool:
        """Whether there are enough answers to judge a model on, or to learn one from, at an earlier origin."""

    @abstractmethod
    def skill(self, answers: Floats, predictions: Floats, naive: Floats, asked: NDArray[np.int64]) -> Skill:
        """How well a recipe did from an earlier moment. asked: seconds at which each question was asked."""

    # --- errors ------------------------------------------------------------------------------------------------------

    def errors_of(self, answers: Floats, predictions: Floats) -> dict[str, Any] | None:
        """What is kept of a model's errors on rows it had not seen, for `excess`; None where nothing is needed."""
        return None

    @abstractmethod
    def excess(
        self, answers: Floats, predictions: Floats, errors: Mapping[str, Any] | None
    ) -> tuple[Floats, float] | None:
        """By how much each error is larger than the model's predictions lead to expect, within `bounds`, and the
        standard deviation of these figures when nothing has changed.

        errors: of `errors_of`. None where nothing is known to compare with.
        """

    bounds: ClassVar[tuple[float, float]]

    # --- words and plots ---------------------------------------------------------------------------------------------

    @abstractmethod
    def plot(self, answers: Floats, predictions: Floats, sprint: str) -> tuple[str, str]:
        """Name and Markdown of the plot that holds predictions against answers."""

    # --- pages of a sprint -------------------------------------------------------------------------------------------

    def single(self, predictions: Floats) -> Floats | None:
        """The one number (n) that each prediction stands for, which its answer may be compared with; None where it
        stands for none, as the probabilities of classes.
        """
        return None

    def binned(self, predictions: Floats) -> tuple[Floats, bool]:
        """Predictions as one value a row (n), whose distribution can be compared; and whether these are classes."""
        found = self.single(predictions)
        return (predictions if found is None else found), False

    def sections(self, answers: Floats, predictions: Floats, naive: Floats) -> tuple[Section, ...]:
        """How predictions of this kind compare with their answers; empty until a task has such sections."""
        return ()


def mean_of(answers: pd.Series) -> float | None:
    """Their mean as facts have it; None without any."""
    return round(float(answers.mean()), 6) if len(answers) else None


def skill_over(own: Floats, naive: Floats, asked: NDArray[np.int64], metric: str) -> Skill:
    """The share of the naive baseline's loss that a model does away with. own, naive: the loss of each row.

    Its standard error is that of a ratio whose rows go together by day (Cochran, Sampling Techniques, 1977, ch. 6).
    """
    found: dict[str, Any] = {metric: float(own.mean()), "naive": float(naive.mean())}
    total = float(naive.sum())
    if not total:
        return {**found, "skill": None, "skill_error": None}  # type: ignore[typeddict-item]
    ratio = float(own.sum()) / total
    _, days = np.unique(asked // DAY, return_inverse=True)
    off = np.bincount(days, own - ratio * naive)
    correction = len(off) / max(len(off) - 1, 1)
    error = float(np.sqrt(correction * (off**2).sum())) / total
    return {**found, "skill": 1 - ratio, "skill_error": error}  # type: ignore[typeddict-item]
