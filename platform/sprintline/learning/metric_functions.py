"""The figures by which predictions are scored.

Everything works on weights: a bootstrap draw is a vector of non-negative row weights, and each metric is computed for
many draws at once from one sorting of the rows. The figures equal those of scikit-learn (the tests hold them to it);
they are written out here because scikit-learn takes one weight vector a call and sorts at each, and because core
imports no machine learning library.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Takes weights (draws, n) and gives a value a draw.
Scorer = Callable[[Floats], Floats]
#: Takes outcomes and predictions and gives their scorer.
Prepare = Callable[[Floats, Floats], Scorer]


class _Ranked:
    """Negatives in order of probability, and where each positive stands among them and among its own kind.

    Only what a ranking metric needs is gathered: late flights are a quarter of the rows, so this is most of the speed.
    """

    def __init__(self, outcome: Floats, chance: Floats) -> None:
        rows = np.arange(len(outcome))
        positives, negatives = rows[outcome == 1], rows[outcome == 0]
        self.positives = positives[np.argsort(chance[positives], kind="stable")]
        self.negatives = negatives[np.argsort(chance[negatives], kind="stable")]
        mine, others = chance[self.positives], chance[self.negatives]
        self.below = np.searchsorted(others, mine, side="left")  # negatives ranked below each positive
        self.upto = np.searchsorted(others, mine, side="right")  # ... and those that share its probability
        self.peers = np.searchsorted(mine, mine, side="left")  # positives ranked below it

    def sums(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weights of the positives (draws, P), and weight of the negatives before each place (draws, N + 1)."""
        return weights[:, self.positives], _running(weights[:, self.negatives])


def _running(weights: Floats) -> Floats:
    """Running totals along the rows, beginning with 0."""
    total = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=total[:, 1:])
    return total


def _roc_auc(outcome: Floats, chance: Floats) -> Scorer:
    ranked = _Ranked(outcome, chance)
    ties = not np.array_equal(ranked.below, ranked.upto)

    def score(weights: Floats) -> Floats:
        positive, before = ranked.sums(weights)
        won = before[:, ranked.below]
        if ties:  # a negative with an equal probability counts half
            won = (won + before[:, ranked.upto]) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.einsum("ij,ij->i", positive, won) / (positive.sum(axis=1) * before[:, -1]))

    return score


def _average_precision(outcome: Floats, chance: Floats) -> Scorer:
    ranked = _Ranked(outcome, chance)

    def score(weights: Floats) -> Floats:
        positive, before = ranked.sums(weights)
        own = _running(positive)
        hits = own[:, -1:] - own[:, ranked.peers]  # positives at or above each positive's probability
        alarms = hits + before[:, -1:] - before[:, ranked.below]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(alarms > 0, hits / alarms, 0.0)
            return np.asarray(np.einsum("ij,ij->i", positive, precision) / own[:, -1])

    return score


def _mean_of(loss: Callable[[Floats, Floats], Floats]) -> Prepare:
    """The weighted mean of a loss per row."""

    def prepare(outcome: Floats, predicted: Floats) -> Scorer:
        rows = loss(outcome, predicted)
        return lambda weights: np.asarray(weights @ rows / weights.sum(axis=1))

    return prepare


def _squared(outcome: Floats, predicted: Floats) -> Floats:
    return (predicted - outcome) ** 2


def _rmse(outcome: Floats, predicted: Floats) -> Scorer:
    mean = _mean_of(_squared)(outcome, predicted)
    return lambda weights: np.sqrt(mean(weights))


def _r2(outcome: Floats, predicted: Floats) -> Scorer:
    rows = _squared(outcome, predicted)

    def score(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        centre = weights @ outcome / total
        spread = weights @ outcome**2 / total - centre**2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(spread > 0, 1 - weights @ rows / total / spread, np.nan))

    return score


def _poisson_deviance(outcome: Floats, predicted: Floats) -> Floats:
    """2 (y log(y / p) - y + p) of each row; McCullagh and Nelder, Generalized Linear Models (1989), ch. 2.3."""
    expected = np.maximum(predicted, LEAST_EXPECTED)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(outcome > 0, outcome * np.log(outcome / expected), 0.0)
    return 2 * (logs - outcome + expected)


LEAST_EXPECTED = 1e-9
"""A count of 0 that was sure to be 0 would have an infinite deviance at the first event."""

LEAST_CHANCE = 1e-6
"""A class that was held impossible would have an infinite log loss the first time it is seen."""


def log_losses(outcome: Floats, predicted: Floats) -> Floats:
    """-log of the probability that was given to what came, a row. outcome: place of the class. predicted: (n, k)."""
    given = predicted[np.arange(len(outcome)), outcome.astype(np.int64)]
    return np.asarray(-np.log(np.clip(given, LEAST_CHANCE, 1.0)))


def one_hot(outcome: Floats, classes: int) -> Floats:
    """(n, k): 1 in the column of each row's class, else 0."""
    return (outcome.astype(np.int64)[:, None] == np.arange(classes)).astype(np.float64)


def _roc_auc_ovr(outcome: Floats, predicted: Floats) -> Scorer:
    """Mean of the ROC-AUC of each class against all others, of the classes that came; sklearn's `multi_class="ovr"`."""
    came = [one for one in range(predicted.shape[1]) if 0 < (outcome == one).sum() < len(outcome)]
    each = [_roc_auc((outcome == one).astype(np.float64), predicted[:, one]) for one in came]
    if not each:
        return lambda weights: np.full(len(weights), np.nan)
    return lambda weights: np.mean([score(weights) for score in each], axis=0)


def _f1_macro(outcome: Floats, predicted: Floats) -> Scorer:
    """Mean F1 of the classes that came or were held most probable; of a class without a hit it is 0."""
    said, came = predicted.argmax(axis=1), outcome.astype(np.int64)
    classes = sorted({*said.tolist(), *came.tolist()})

    def score(weights: Floats) -> Floats:
        found = []
        for one in classes:
            hits = weights @ ((said == one) & (came == one))
            both = weights @ (said == one).astype(float) + weights @ (came == one).astype(float)
            with np.errstate(invalid="ignore", divide="ignore"):
                found.append(np.where(both > 0, 2 * hits / both, 0.0))
        return np.mean(found, axis=0)

    return score


PREPARE: dict[str, Prepare] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "brier": _mean_of(_squared),
    "mae": _mean_of(lambda outcome, predicted: np.abs(predicted - outcome)),
    "rmse": _rmse,
    "r2": _r2,
    "poisson_deviance": _mean_of(_poisson_deviance),
    "log_loss": _mean_of(log_losses),
    "roc_auc_ovr": _roc_auc_ovr,
    "f1_macro": _f1_macro,
}
"""By name of the metric: prepared once for outcomes (n) and predictions (n or n, k), a metric scores many draws."""


def pinball_losses(outcome: Floats, predicted: Floats, levels: Floats) -> Floats:
    """Mean over the levels of max(q (y - p), (q - 1) (y - p)), a row.

    Koenker and Bassett (1978), "Regression quantiles".
    """
    off = outcome[:, None] - predicted
    return np.asarray(np.maximum(levels * off, (levels - 1) * off).mean(axis=1))


def of_levels(levels: tuple[float, ...]) -> dict[str, Prepare]:
    """The metrics of predicted quantiles of these levels (0 to 1, rising)."""
    q = np.asarray(levels)

    def pinball(outcome: Floats, predicted: Floats) -> Floats:
        return pinball_losses(outcome, predicted, q)

    def coverage_error(outcome: Floats, predicted: Floats) -> Scorer:
        below = (outcome[:, None] <= predicted).astype(np.float64)
        return lambda weights: np.asarray(
            np.abs(weights @ below / weights.sum(axis=1)[:, None] - q).mean(axis=1)
        )

    def d2(outcome: Floats, predicted: Floats) -> Scorer:
        own = pinball(outcome, predicted)
        least = pinball(outcome, np.tile(np.quantile(outcome, q), (len(outcome), 1)))

        def score(weights: Floats) -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray(1 - (weights @ own) / (weights @ least))

        return score

    return {
        "pinball": _mean_of(pinball),
        "coverage_error": coverage_error,
        "d2_pinball": d2,
    }
