"""What a task says of its answers: which are usable, how they are predicted, scored and compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.metric_functions import Floats
from sprintline.learning.metric_names import METRICS, Metric
from sprintline.learning.metrics import incomparable, measured

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.facts import Metrics, SameNumber, Skill
    from sprintline.mechanisms.reports.document import Section


class Task(ABC):
    """One kind of answer.

    name: as in defs.yaml. answers: what an answer is, in a few words.
    reported: metrics that are measured and shown, in this order; the first is plotted by sprint.
    decides: the metric by which a candidate is compared for promotion. watched: those by which a champion is compared
        with its naive baseline in every sprint.
    quality: the metric by which importance is measured, and that can be too good to be true (`skills.QUALITIES`).
    column: of issued predictions. said: what they are called. sql_type: of the label as it is read. statistic: of a
        group, which the naive baseline predicts: mean or median. tried_on: invented answers on which a recipe is tried.
    """

    name: ClassVar[str]
    answers: ClassVar[str]
    reported: ClassVar[tuple[str, ...]]
    decides: ClassVar[str]
    watched: ClassVar[tuple[str, ...]]
    quality: ClassVar[str]
    column: ClassVar[str] = "prediction"
    said: ClassVar[str] = "predictions"
    sql_type: ClassVar[str] = "double"
    statistic: ClassVar[str] = "mean"
    tried_on: ClassVar[Literal["two classes", "number", "count"]]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The reported metrics."""
        return tuple(METRICS[name] for name in self.reported)

    @property
    def is_rate(self) -> bool:
        """Whether the mean of the answers is a share of 0 to 1."""
        return False

    # --- answers -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def odd(self, answers: pd.Series) -> pd.Series:
        """Which of some known answers (no nulls) are none of this task: a boolean each."""

    @abstractmethod
    def told(self, label: str, outcomes: str) -> str:
        """What a label has to be, and the way out, in a sentence; its column and table are named."""

    @abstractmethod
    def takes(self, data_type: str) -> bool:
        """Whether a column of this dbt data type (lower case, not empty) can be the label."""

    def too_equal(self, answers: pd.Series) -> bool:
        """Whether known answers are too much alike to learn anything from."""
        return bool(len(answers)) and answers.nunique() == 1

    def incomparable(self, answers: Floats, blocks: NDArray[Any] | None = None) -> str | None:
        """Why two models cannot be compared on these answers and blocks; None when they can."""
        return incomparable(answers, blocks, METRICS[self.decides].chance)

    def unsuited(self, pipeline: Any) -> str | None:
        """Why the last step of a pipeline cannot answer this task; None when it can."""
        from sklearn.base import is_classifier

        last = type(pipeline[-1]).__name__
        if is_classifier(pipeline) == self.is_rate:
            return None
        wanted = "a classifier" if self.is_rate else "a regressor"
        return (
            f"{last} does not predict {self.answers}: the task is {self.name}, use {wanted}, or write another task "
            f"under model in defs.yaml"
        )

    # --- predictions -------------------------------------------------------------------------------------------------

    @abstractmethod
    def predicted(self, pipeline: Any, inputs: pd.DataFrame) -> Floats:
        """What a fitted pipeline predicts, one number a row."""

    @abstractmethod
    def from_onnx(self, session: Any, feed: Mapping[str, NDArray[Any]]) -> Floats:
        """What its ONNX form predicts."""

    @abstractmethod
    def usable(self, predictions: pd.Series) -> pd.Series:
        """Which predictions are answers of this task at all; a null is none."""

    @abstractmethod
    def same_number(self, predictions: Floats, answers: Floats) -> SameNumber:
        """How many of the predictions are one number. answers: those that are known by now, maybe none."""

    # --- scores ------------------------------------------------------------------------------------------------------

    def measure(self, answers: Any, predictions: Any) -> Metrics:
        """The reported metrics; None where one has no value."""
        return measured(answers, predictions, self.reported)

    def of_quality(self, answers: Any, predictions: Any) -> float | None:
        """The metric `quality`."""
        return measured(answers, predictions, (self.quality,)).get(self.quality)  # type: ignore[return-value]

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
    def plot(self, answers: pd.Series, predictions: pd.Series, sprint: str) -> tuple[str, str]:
        """Name and Markdown of the plot that holds predictions against answers."""

    # --- pages of a sprint -------------------------------------------------------------------------------------------

    def residuals(self, answers: Floats, predictions: Floats) -> Floats | None:
        """Answer less prediction of each row (n,), by which groups are ranked; None where answers or predictions are
        more than one number a row, and no group is ranked.
        """
        return None

    def sections(self, answers: Floats, predictions: Floats, naive: Floats) -> tuple[Section, ...]:
        """How predictions of this kind compare with their answers, all (n,); empty until a task has such sections."""
        return ()
