"""Figures of models, as the facts of candidates and of scores hold them."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Metrics(TypedDict, total=False):
    """How good predictions are: the metrics of the product's task, each None where it has no value.

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
    """

    roc_auc: float | None
    average_precision: float | None
    brier: float | None
    mae: float | None
    rmse: float | None
    r2: float | None
    poisson_deviance: float | None
    log_loss: float | None
    roc_auc_ovr: float | None
    f1_macro: float | None
    pinball: float | None
    coverage_error: float | None
    d2_pinball: float | None


class Difference(TypedDict):
    """A paired difference of two models on the same rows, in units of the metric.

    metric: name of the metric
    difference: what the new model gains over the old one; None when nothing could be compared
    low, high: bounds of the bootstrap interval; None when nothing could be compared
    draws: bootstrap draws that could be scored
    blocks: days or hours that were resampled, 0 when rows were
    confidence: of the interval (0 to 1); absent when nothing could be compared
    together: autocorrelation of neighbouring blocks that the interval allows for; absent when nothing could be compared
    scale: loss of the old model, of which margins are shares; absent for metrics without a unit
    why: why nothing could be compared; absent otherwise
    """

    metric: str
    difference: float | None
    low: float | None
    high: float | None
    draws: int
    blocks: int
    confidence: NotRequired[float]
    together: NotRequired[float]
    scale: NotRequired[float]
    why: NotRequired[str]


class Slice(Difference):
    """A difference within one slice.

    rows: rows of the slice
    metric: name of the metric
    difference: what the new model gains over the old one
    low, high: bounds of the bootstrap interval
    draws: bootstrap draws that could be scored
    blocks: days or hours that were resampled, 0 when rows were
    confidence: of the interval (0 to 1)
    together: autocorrelation of neighbouring blocks that the interval allows for
    scale: loss of the old model, of which margins are shares; absent for metrics without a unit
    why: never set for a slice
    """

    rows: int


class Parity(TypedDict):
    """A scikit-learn pipeline compared with its ONNX form.

    rows: rows that were compared
    difference: largest difference of two predictions: of probabilities the absolute one, of numbers in standard
        deviations of the answers
    edge_rows: rows with nulls and unseen categories that were compared
    edge_difference: the same on edge rows
    """

    rows: int
    difference: float
    edge_rows: int
    edge_difference: float


class Parities(TypedDict):
    """Both models of a release compared with their ONNX forms.

    model: the model that is to serve
    twin: its interpretable twin
    """

    model: Parity
    twin: Parity


class SameNumber(TypedDict):
    """How far the predictions of a sprint are one number.

    rows: predictions
    number: their median; None without one
    share: share (0 to 1) of the predictions that are this number for any decision, or of the positives or negatives
        expected among all, whichever is smallest; None without predictions
    """

    rows: int
    number: float | None
    share: float | None


class Skill(TypedDict):
    """How well the recipe did from an earlier moment; figures are None where a part holds too few outcomes.

    roc_auc: ROC-AUC on the questions it was judged on; absent for other tasks
    error: standard error of roc_auc; absent like it
    mae: mean absolute error on these questions; absent for tasks without one
    log_loss: log loss on these questions; absent like it
    pinball: pinball loss on these questions; absent like it
    naive: the same figure of the naive baseline
    skill: 2 ROC-AUC - 1, or the share of the naive baseline's error that the model does away with; absent in older
        records
    skill_error: standard error of skill; absent like it
    """

    roc_auc: NotRequired[float | None]
    error: NotRequired[float | None]
    mae: NotRequired[float | None]
    log_loss: NotRequired[float | None]
    pinball: NotRequired[float | None]
    naive: float | None
    skill: NotRequired[float | None]
    skill_error: NotRequired[float | None]


class Origin(Skill):
    """The recipe, trained and judged at an earlier moment.

    at: the moment (ISO, UTC)
    trained_rows: questions whose outcome was known by then
    withheld: questions asked before and answered after it, which are in neither part
    rows: questions it was judged on
    positives: of these, how many have a positive outcome; absent where answers are numbers
    roc_auc: ROC-AUC on the questions it was judged on; absent for other tasks
    error: standard error of roc_auc; absent like it
    mae: mean absolute error on these questions; absent for tasks without one
    log_loss: log loss on these questions; absent like it
    pinball: pinball loss on these questions; absent like it
    naive: the same figure of the naive baseline
    skill: 2 ROC-AUC - 1, or the share of the naive baseline's error that the model does away with; absent in older
        records
    skill_error: standard error of skill; absent like it
    rows_needed: rows, mixed as these are, with which it would have been judged; None when no number would do, absent
        where it was judged
    """

    at: str
    trained_rows: int
    withheld: int
    rows: int
    positives: NotRequired[int]
    rows_needed: NotRequired[int | None]


class Backtest(TypedDict):
    """A rolling-origin backtest of a recipe.

    parts: equal parts that the time was cut into
    origins: the judged parts, oldest first
    stability: least skill of an origin as a share of the mean; None when one was not judged or there is no skill
    """

    parts: int
    origins: list[Origin]
    stability: float | None


class SnapshotFacts(TypedDict):
    """What a model was made from, complete enough to make it again.

    product: the product
    sprints: sprints it was trained on
    judged: the sprint it is judged on
    rows: training rows
    keys_hash: hash of question ids, sprints and labels
    features_hash: hash of the prepared columns
    data_versions: content hash of what was read, by table and sprint; empty for one that is missing
    params: parameters of the recipe
    seed: seed of everything random
    code_hash: hash of the platform's and the recipe's code
    lock_hash: hash of the locked libraries
    """

    product: str
    sprints: list[str]
    judged: str
    rows: int
    keys_hash: str
    features_hash: str
    data_versions: dict[str, dict[str, str]]
    params: dict[str, Any]
    seed: int
    code_hash: str
    lock_hash: str


class CardFaults(TypedDict):
    """A model card compared with its records.

    figures: how many it has
    empty: sections without any
    stale: figures that are not what their record says, or whose record is another by now, a sentence each
    unmeasured: claims without a measured value
    """

    figures: int
    empty: list[str]
    stale: list[str]
    unmeasured: list[str]
