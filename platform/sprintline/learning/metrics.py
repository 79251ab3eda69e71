"""How good predictions are, and how sure a difference between two sets of them is.

A bootstrap draw is a vector of row weights, and each metric is computed for many draws at once (`metric_functions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sprintline.base.time_zones import zone_of
from sprintline.learning.facts import Difference, Metrics, Slice
from sprintline.learning.metric_functions import PREPARE, Floats, Prepare
from sprintline.learning.metric_names import METRICS, Predicted

LEAST_BLOCKS = 5
"""Fewer blocks than this say nothing of how blocks differ."""

MOST_TOGETHER = 0.7
"""Autocorrelation of neighbouring blocks that is believed at most: a few blocks cannot tell more from a trend."""

#: Weight matrices are worked through in pieces of about this many numbers (16 MB), so that memory stays flat.
_PIECE = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A paired difference of two models on the same rows and its bootstrap interval.

    difference: what the new model gains over the old, in units of the metric. Positive means better for every metric:
        for a loss it is old minus new.
    low, high: bounds of the interval; a gain is sure when low > 0, a loss when high < 0, otherwise it is a tie.
    draws: bootstrap draws that could be scored. blocks: blocks resampled, 0 when rows were.
    together: autocorrelation of neighbouring blocks that the interval allows for, 0 to `MOST_TOGETHER`.
    scale: loss of the old model, of which margins are shares; 1 for a metric that has no unit.
    """

    metric: str
    difference: float
    low: float
    high: float
    draws: int
    blocks: int = 0
    confidence: float = 0.95
    together: float = 0.0
    scale: float = 1.0

    @property
    def sure_gain(self) -> bool:
        return self.low > 0

    @property
    def sure_loss(self) -> bool:
        return self.high < 0

    def as_dict(self) -> Difference:
        """Plain values, as rules take them as evidence."""
        plain = asdict(self)
        if not METRICS[self.metric].in_units:
            del plain["scale"]
        return cast("Difference", plain)


def measured(
    y: ArrayLike, p: ArrayLike, names: Sequence[str], prepare: Mapping[str, Prepare] = PREPARE
) -> Metrics:
    """The named metrics of predictions `p` against outcomes `y`, both of length n; None where one has no value.

    prepare: the functions by name. With one class only there is nothing to rank, and without rows nothing at all.
    Raises ValueError on different lengths, on missing or infinite numbers and, for metrics of probabilities, on
    outcomes other than their classes and on what is no probability.
    """
    of = METRICS[names[0]].of
    outcome, predicted = _checked(y, p, of)
    if not len(outcome):
        return cast("Metrics", dict.fromkeys(names))
    whole = np.ones((1, len(outcome)))
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {name: float(prepare[name](outcome, predicted)(whole)[0]) for name in names}
    one_kind = len(np.unique(outcome)) < 2
    return cast(
        "Metrics",
        {
            name: None if (one_kind and METRICS[name].ranks) or not np.isfinite(value) else value
            for name, value in values.items()
        },
    )


def paired_bootstrap(
    y: ArrayLike,
    p_new: ArrayLike,
    p_old: ArrayLike,
    metric: str = "roc_auc",
    *,
    blocks: ArrayLike | None = None,
    draws: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
    prepare: Mapping[str, Prepare] = PREPARE,
) -> Interval:
    """How much better `p_new` predicts the outcomes `y` than `p_old`, and how sure that is.

    Both models are scored on the same resampled rows, so what is common to them cancels.

    blocks: an id per row; ids sort by time. Flights of one day share its weather and its congestion, so their errors
        go together, and resampling single flights would call a lucky day significant. With blocks whole blocks (days)
        are drawn with replacement; without, rows are, of probabilities within each class (stratified). A percentile
        interval from few blocks is too narrow, so it is widened (`_widening`, decision 81).
    Raises ValueError for an unknown metric, fewer than 5 blocks, one class only, or unusable inputs.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; blocks: Field and Welsh, JRSS B 69 (2007).
    """
    if metric not in METRICS:
        raise ValueError(f"{metric!r} is no metric; known are {', '.join(METRICS)}")
    of = METRICS[metric]
    outcome, new = _checked(y, p_new, of.of)
    _, old = _checked(y, p_old, of.of)
    if lack := incomparable(outcome, blocks, of.chance):
        raise ValueError(lack)
    if of.loss:  # the gain of the new model is what the old one loses more
        new, old = old, new
    better, worse = prepare[metric](outcome, new), prepare[metric](outcome, old)
    ids, count = None, 0
    if blocks is not None:
        _, ids = np.unique(np.asarray(blocks), return_inverse=True)
        count = int(ids.max()) + 1
    whole = np.ones((1, len(outcome)))
    difference = float(better(whole)[0] - worse(whole)[0])
    classes = (
        [np.flatnonzero(outcome == value) for value in (0, 1)] if of.chance else [np.arange(len(outcome))]
    )
    random = np.random.default_rng(seed)
    found = np.concatenate(
        [better(w) - worse(w) for w in _weights(classes, len(outcome), ids, count, draws, random)]
    )
    found = found[np.isfinite(found)]  # a draw of days that all went well has no late flight to rank
    together = 0.0
    if ids is not None:
        without = [better(w) - worse(w) for w in _each_left_out(ids, count)]
        together = autocorrelation(difference - np.concatenate(without))
        found = difference + (found - difference) * _widening(count, confidence, together)
    low, high = _bounds(found, difference, (1 - confidence) / 2)
    scale = float(better(whole)[0]) if of.in_units else 1.0
    return Interval(metric, difference, low, high, len(found), count, confidence, together, scale)


def _widening(count: int, confidence: float, together: float) -> float:
    """By how much a percentile interval from `count` blocks is too narrow.

    sqrt(B / (B - 1)): the variance among B blocks is drawn without the degree of freedom that their mean took.
    t / z: that variance is itself known from B blocks only, as Student's t allows for with B - 1 degrees of freedom
        (Hesterberg, The American Statistician 69, 2015): 1.42 at 5 blocks, 1.10 at 14, at 95 %.
    sqrt((1 + r) / (1 - r)): of B blocks that follow each other with autocorrelation r, the mean varies as that of
        fewer blocks would (AR(1); Bayley and Hammersley, JRSS Supplement 8, 1946). Resampled blocks are independent
        and do not show it.
    """
    from scipy.special import stdtrit

    tail = (1 - confidence) / 2
    student = float(stdtrit(count - 1, 1 - tail)) / NormalDist().inv_cdf(1 - tail)
    return float(np.sqrt(count / (count - 1)) * student * np.sqrt((1 + together) / (1 - together)))


def _each_left_out(ids: NDArray[Any], count: int) -> Iterator[Floats]:
    """Weight matrices that leave out one block after the other, in the order of the blocks."""
    step = max(1, _PIECE // len(ids))
    for first in range(0, count, step):
        left_out = np.arange(first, min(count, first + step))[:, None]
        yield (ids != left_out).astype(float)


def autocorrelation(values: Floats) -> float:
    """Lag-1 autocorrelation of values in their order, 0 to `MOST_TOGETHER`, as far as a short series shows it.

    Without the bias of a short series: from n values it is too small by about (1 + 3r) / n (Kendall, Biometrika 41,
    1954). Less half its standard error, 1 / sqrt(n), so that what chance shows of independent values takes no more from
    an interval than their 5 %. A negative one is 0: nothing narrows an interval. Where a value is unknown,
    `MOST_TOGETHER`.
    """
    if not np.isfinite(values).all():
        return MOST_TOGETHER
    apart = values - values.mean()
    total = float(apart @ apart)
    if total <= 0:
        return 0.0
    found = float(apart[1:] @ apart[:-1]) / total
    unbiased = found + (1 + 3 * max(found, 0.0)) / len(values)
    return float(np.clip(unbiased - 0.5 / np.sqrt(len(values)), 0.0, MOST_TOGETHER))


def _bounds(found: Floats, difference: float, tail: float) -> tuple[float, float]:
    """Quantiles of the draws; where a tail holds too few draws to know its quantile, those of the normal curve."""
    if not len(found):
        return float("nan"), float("nan")
    if tail * len(found) >= 5:
        low, high = np.quantile(found, [tail, 1 - tail])
        return float(low), float(high)
    reach = NormalDist().inv_cdf(1 - tail) * float(found.std())
    return difference - reach, difference + reach


def incomparable(y: ArrayLike, blocks: ArrayLike | None = None, chance: bool = True) -> str | None:
    """Why no two models can be compared on these outcomes and blocks; None when they can.

    chance: whether the outcomes are 0 or 1, of which there have to be both.

    Raises ValueError when outcomes and blocks are of different lengths.
    """
    outcome = np.asarray(y, dtype=float)
    if blocks is not None and len(np.asarray(blocks)) != len(outcome):
        raise ValueError(f"{len(np.asarray(blocks))} block ids for {len(outcome)} rows")
    if chance and not 0 < outcome.sum() < len(outcome):
        return f"{len(outcome):,} rows with one outcome only: nothing can be compared"
    if not len(outcome):
        return "0 rows with an outcome: nothing can be compared"
    count = LEAST_BLOCKS if blocks is None else len(np.unique(np.asarray(blocks)))
    return (
        f"{count} blocks are too few to resample: at least {LEAST_BLOCKS} are needed"
        if count < LEAST_BLOCKS
        else None
    )


def by_slice(
    y: ArrayLike,
    p_new: ArrayLike,
    p_old: ArrayLike,
    slices: ArrayLike,
    metric: str = "roc_auc",
    *,
    blocks: ArrayLike | None = None,
    least_rows: int = 300,
    confidence: float = 0.95,
    **bootstrap: Any,
) -> dict[str, Slice]:
    """`paired_bootstrap` within each value of `slices` (a label per row); values with too little in them are left out.

    Returns {label: {rows, metric, difference, low, high, ...}}, largest slice first. A slice needs `least_rows` rows,
    `LEAST_BLOCKS` blocks and, of probabilities, both outcomes at least ten times.

    `confidence` holds for all slices together (Bonferroni): among 16 carriers one would otherwise look worse by
    chance in one sprint of three.
    """
    outcome, labels = np.asarray(y, dtype=float), np.asarray(slices).astype(str)
    new, old, ids = np.asarray(p_new), np.asarray(p_old), None if blocks is None else np.asarray(blocks)
    names, counts = np.unique(labels, return_counts=True)
    judged: list[tuple[str, int, NDArray[np.bool_]]] = []
    for name, rows in sorted(zip(names, counts, strict=True), key=lambda one: (-one[1], one[0])):
        here = labels == name
        positives = outcome[here].sum()
        one_sided = METRICS[metric].chance and min(positives, rows - positives) < 10
        few_blocks = ids is not None and len(np.unique(ids[here])) < LEAST_BLOCKS
        if rows < least_rows or one_sided or few_blocks:
            continue
        judged.append((str(name), int(rows), here))
    each = 1 - (1 - confidence) / max(1, len(judged))
    found: dict[str, Slice] = {}
    for label, rows, here in judged:
        days = None if ids is None else ids[here]
        interval = paired_bootstrap(
            outcome[here], new[here], old[here], metric, blocks=days, confidence=each, **bootstrap
        )
        found[label] = {"rows": rows, **interval.as_dict()}
    return found


TOGETHER = "all values together"


def by_slices(
    y: ArrayLike, p_new: ArrayLike, p_old: ArrayLike, columns: Mapping[str, ArrayLike], **more: Any
) -> dict[str, Slice]:
    """`by_slice` for each of several columns, under `<column> <value>`.

    Where no value of any column has enough rows by itself, all rows are one slice: of groups that small nothing can be
    said one by one, and a bar that no candidate could ever reach would keep a product without a model for good. That
    is the comparison that a whole sprint gets, and needs no more rows than it.
    """
    found = {
        f"{column} {name}": one
        for column, values in columns.items()
        for name, one in by_slice(y, p_new, p_old, values, **more).items()
    }
    return found or by_slice(
        y, p_new, p_old, np.full(len(np.asarray(y)), TOGETHER), **{**more, "least_rows": 1}
    )


def calibration_table(y: ArrayLike, p: ArrayLike, bins: int = 10) -> list[dict[str, float]]:
    """Predicted against observed: up to `bins` groups of equally many rows in order of their probability.

    Returns a row per group: low and high probability in it, mean predicted, observed rate, count. Equal probabilities
    are never split, so there are fewer groups where many rows share one value.
    """
    outcome, chance = _checked(y, p)
    if not len(outcome):
        return []
    edges = np.unique(np.quantile(chance, np.linspace(0, 1, bins + 1)[1:-1]))
    group = np.searchsorted(edges, chance, side="left")
    table = []
    for one in np.unique(group):
        inside, seen = chance[group == one], outcome[group == one]
        table.append(
            {
                "low": float(inside.min()),
                "high": float(inside.max()),
                "predicted": float(inside.mean()),
                "observed": float(seen.mean()),
                "count": len(seen),
            }
        )
    return table


def of_groups(values: Floats, counts: int) -> list[NDArray[np.bool_]]:
    """Masks of up to `counts` groups of equally many rows in order of their value; equal values are never split."""
    edges = (
        np.unique(np.quantile(values, np.linspace(0, 1, counts + 1)[1:-1])) if len(values) else np.empty(0)
    )
    group = np.searchsorted(edges, values, side="left")
    return [group == one for one in np.unique(group)]


def _checked(y: ArrayLike, p: ArrayLike, of: Predicted = "chance") -> tuple[Floats, Floats]:
    outcome, predicted = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    said = "probabilities" if of in ("chance", "classes") else "predictions"
    several = of in ("classes", "quantiles")
    if outcome.ndim != 1 or predicted.ndim != 1 + several or len(outcome) != len(predicted):
        raise ValueError(
            f"outcomes of shape {outcome.shape} and {said} of shape {predicted.shape} do not pair"
        )
    if said == "predictions":
        if not (np.isfinite(outcome).all() and np.isfinite(predicted).all()):
            raise ValueError("outcomes and predictions must be numbers, and none may be missing")
        return outcome, predicted
    classes = predicted.shape[1] if several else 2
    if not np.isin(outcome, np.arange(classes)).all():
        which = "0 or 1" if classes == 2 else f"whole numbers from 0 to {classes - 1}"
        raise ValueError(f"outcomes must be {which}: drop rows without an outcome first")
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise ValueError("probabilities must lie in [0, 1] and none may be missing")
    return outcome, predicted


def _weights(
    classes: Sequence[NDArray[Any]],
    rows: int,
    ids: NDArray[Any] | None,
    count: int,
    draws: int,
    random: np.random.Generator,
) -> Iterator[Floats]:
    """Weight matrices (draws in a piece, rows): how often each row was drawn; without blocks within its class."""
    step = max(1, _PIECE // rows)
    for first in range(0, draws, step):
        piece = min(step, draws - first)
        if ids is not None:
            drawn = random.multinomial(count, np.full(count, 1 / count), size=piece).astype(float)
            yield drawn[:, ids]
            continue
        weights = np.zeros((piece, rows))
        for members in classes:
            picks = random.integers(0, len(members), size=(piece, len(members)))
            flat = picks + np.arange(piece)[:, None] * len(members)
            counted = np.bincount(flat.ravel(), minlength=piece * len(members))
            weights[:, members] = counted.reshape(piece, -1)
        yield weights


def blocks_of(moments: Sequence[Any], timezone: str) -> NDArray[Any]:
    """Block ids for `paired_bootstrap`: the local calendar day of each aware moment.

    Of fewer days than `LEAST_BLOCKS`, as in a sprint of a day or two, the local hours: what goes together within an
    hour is then still drawn together, what goes together within a day no longer is.
    """
    import pandas as pd

    local = pd.to_datetime(pd.Series(list(moments)), utc=True).dt.tz_convert(zone_of(timezone))
    days = local.dt.strftime("%Y-%m-%d")
    return np.asarray(days if days.nunique() >= LEAST_BLOCKS else local.dt.strftime("%Y-%m-%d %H"))
