"""What is recorded of scores and of drift."""

from __future__ import annotations

from typing import Literal, NotRequired, Required, TypedDict

from sprintline.learning.facts import Difference, Metrics, SameNumber

DriftState = Literal["none", "suspected", "confirmed", "insufficient"]
"""State of drift after a sprint; `insufficient` when the sprint could not be compared."""


class ScoreMetrics(Metrics):
    """Metrics of the issued predictions, with those of the champion's baselines on the same questions.

    roc_auc: chance that a positive ranks above a negative (0 to 1)
    average_precision: 0 to 1
    brier: mean squared error of probabilities, 0 is best
    mae: mean absolute error, in the label's unit
    rmse: root mean squared error, in the label's unit
    r2: share of the variance that is explained; 1 is best, 0 what the mean explains
    poisson_deviance: mean Poisson deviance of counts, 0 is best
    log_loss: mean of -log of the probability given to the class that came, 0 is best
    roc_auc_ovr: mean ROC-AUC of each class against the others, 0 to 1
    f1_macro: mean F1 of the classes, each row taken as its most probable class, 0 to 1
    pinball: mean pinball loss over the levels, in the label's unit
    coverage_error: mean distance of the share of answers below each quantile from its level, 0 is best
    d2_pinball: share of the pinball loss of constant quantiles that is done away with; 1 is best
    naive: metrics of the naive baseline
    twin: metrics of the interpretable twin
    """

    naive: Required[Metrics]
    twin: Required[Metrics]


class Answers(TypedDict):
    """What is known of a champion's predictions besides their metrics.

    rows_hash: hash of the predictions and outcomes that it was measured from
    same: how far they are one number
    against_naive: gain over the naive baseline on the same questions, by ranking and by squared error
    """

    rows_hash: str
    same: SameNumber
    against_naive: list[Difference]


class ScoresFacts(TypedDict):
    """How good the predictions of a sprint were, on the outcomes that are known.

    labelled: outcomes that are known
    positive_rate: share (0 to 1) of these that are positive; None when none is known, or where answers are not yes or
        no
    mean_answer: their mean; absent where answers are no numbers
    shares: share (0 to 1) of each class, None when none is known; absent where answers are no classes
    champion: id of the model that issued the predictions; None when none was issued
    issued: predictions issued; absent when none was
    scored: predictions whose outcome is known; absent when none was issued
    metrics: metrics of the scored predictions; absent when none was issued
    answers: how far the predictions vary, and what they gain over the naive baseline; absent when none was issued
    """

    labelled: int
    positive_rate: float | None
    mean_answer: NotRequired[float | None]
    shares: NotRequired[dict[str, float] | None]
    champion: str | None
    issued: NotRequired[int]
    scored: NotRequired[int]
    metrics: NotRequired[ScoreMetrics]
    answers: NotRequired[Answers]


class ScoresEvidence(ScoresFacts):
    """What rules on scores read: the facts, with the lake and the outcomes mart read again.

    questions: rows of question_features
    answered: how many of them have an outcome
    served: whether a model answered the questions of the sprint
    weak: what speaks against the champion in this sprint; None when that cannot be judged
    weak_before: sprints right before this one in which the same champion was weak, oldest first
    """

    questions: int
    answered: int
    served: bool
    weak: list[str] | None
    weak_before: list[str]


class MissingShare(TypedDict):
    """Missing values of one feature.

    share: share of the sprint's rows (0 to 1)
    ordinary: share of the champion's training rows (0 to 1)
    moved: whether the difference is sure and beyond what is ordinary
    """

    share: float
    ordinary: float
    moved: bool


class ConceptFacts(TypedDict):
    """The champion's errors, compared with what its probabilities lead to expect.

    effect: mean excess of the errors in standard deviations; None without a labelled answer
    kept: the same since the last change that was found; None without a labelled answer
    rows: answers since that change
    cuts: changes that were found
    labelled: labelled answers of the sprint
    drifting: whether the errors grew; None without a labelled answer
    why: the figures in a sentence
    """

    effect: float | None
    kept: float | None
    rows: int
    cuts: int
    labelled: int
    drifting: bool | None
    why: str


class PredictionsMoved(TypedDict):
    """The champion's predictions of a sprint compared with those of its training data.

    psi: population stability index, 0 where nothing moved; of classes by the most probable one; None without a row
    rows: predictions of the sprint
    """

    psi: float | None
    rows: int


class DriftFacts(TypedDict):
    """A sprint compared with the training data of its champion.

    state: state of drift after the sprint; insufficient when the sprint could not be compared
    why: the reason for the state, with its figures
    window: whether the sprint by itself drifted; None when it could not be compared
    share: share of the features that moved (0 to 1); None when it could not be compared
    ways: how it drifts: many, alone, concept
    distances: distance of a feature's values from the reference, in standard deviations, by feature
    limits: what is ordinary of these distances, by feature
    missing: missing values, by feature
    drifted: statistics by which the sprint drifts, farthest first: a feature, `missing` and a feature, or `correlation`
        and a pair; none of a sprint that does not drift by itself
    moved: statistics beyond what is ordinary, whether they count as drift or not, and how many times farther they are
    drifting_sprints: how many of the last sprints drifted by themselves, this one among them
    ordinary_sprints: sprints that show what is ordinary
    concept: the champion's errors; None without a champion
    predictions: how far its predictions moved; absent without a champion, and in older records
    reference: id of the champion whose training data is the reference; None without a champion
    fingerprint: by which the backlog knows drift of the product
    since: first sprint of the episode of confirmed drift; None while drift is not confirmed
    episode: names that episode: fingerprint, reference and sprint of its start; None while drift is not confirmed
    """

    state: DriftState
    why: str
    window: bool | None
    share: float | None
    ways: list[str]
    distances: dict[str, float]
    limits: dict[str, float]
    missing: dict[str, MissingShare]
    drifted: list[str]
    moved: NotRequired[dict[str, float]]
    drifting_sprints: NotRequired[int]
    ordinary_sprints: int
    concept: ConceptFacts | None
    predictions: NotRequired[PredictionsMoved]
    reference: str | None
    fingerprint: str
    since: str | None
    episode: str | None
