"""What is ordinary: how far the reference's own sprints are from the rest of it.

A distance alone says nothing. A window of few rows is far by chance, and one sprint is never like another: weather
turns, holidays come. So every known sprint is left out in turn and measured against the others, at the number of rows
of the window that is judged. These distances are the null: they hold sampling noise, the dependence of rows within a
sprint, ordinary change from sprint to sprint, and the season as far as the sprints reach. Resampling single rows would
hold the first of these only, and call nearly every real sprint drift.

Distances are in the scale of standard deviations, so that one floor fits all:
    numbers       Wasserstein distance over the reference's standard deviation (a shift of d gives d)
    categories    Jensen-Shannon distance (natural logarithm) times √8 (a small Gaussian shift of d gives d)
    missing       Cohen's h of two shares, 2·|asin √p − asin √q| (Cohen, 1988)
    correlation   Cohen's q of two rank correlations, |atanh r − atanh s| (Cohen, 1988)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

JS_SCALE = float(np.sqrt(8))
"""Jensen-Shannon divergence of two Gaussians a small d apart is d²/8: times √8 the distance is d."""

LEAST_SPRINTS = 3
"""Fewer known sprints say nothing of what is ordinary: each would be measured against one other."""

PAIR = " × "
"""Between the names of two features whose correlation is meant."""

ORDINARY = 0.95
"""Share of ordinary sprints within the limit of a statistic."""

NEAR_ONE = 0.99
"""Correlations are cut here: beyond it Cohen's q separates what has no practical meaning."""


@dataclass(frozen=True)
class Spread:
    """The null of one statistic.

    limit: what is still ordinary, the farthest of the left-out sprints or the upper end of the prediction interval for
    the next one, whichever is farther. With few sprints the interval is wide: the farthest of three says little.
    scale: root mean square of the left-out sprints.
    """

    limit: float
    scale: float

    @classmethod
    def of(cls, distances: Sequence[float] | Floats) -> Spread:
        found = np.asarray(distances, dtype=float)
        found = found[np.isfinite(found)]
        if not len(found):
            return cls(0.0, 0.0)
        scale = float(np.sqrt(np.mean(found**2)))
        return cls(max(float(found.max()), scale * _interval(len(found))), scale)


@dataclass(frozen=True)
class Null:
    """What is ordinary for one reference at one number of rows.

    sprints: the left-out sprints. rows: rows drawn of each at most. values, missing, correlations: spread by feature or
    pair (`a × b`). shares: missing share of each feature in the reference. ranks: its rank correlations, by pair.
    """

    sprints: tuple[str, ...]
    rows: int
    values: Mapping[str, Spread]
    missing: Mapping[str, Spread]
    correlations: Mapping[str, Spread]
    shares: Mapping[str, float]
    ranks: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        tables = {
            kind: {
                name: [round(s.limit, 6), round(s.scale, 6)]
                for name, s in sorted(getattr(self, kind).items())
            }
            for kind in ("values", "missing", "correlations")
        }
        plain = {
            kind: {name: round(value, 6) for name, value in sorted(getattr(self, kind).items())}
            for kind in ("shares", "ranks")
        }
        return {"sprints": list(self.sprints), "rows": self.rows, **tables, **plain}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Null:
        tables = {
            kind: {name: Spread(*pair) for name, pair in body[kind].items()}
            for kind in ("values", "missing", "correlations")
        }
        return cls(
            tuple(body["sprints"]), int(body["rows"]), shares=body["shares"], ranks=body["ranks"], **tables
        )


@cache
def _interval(sprints: int) -> float:
    """Half the width of the prediction interval for the next sprint, in units of the scale.

    A sprint's deviation is taken as normal around zero; then the next one over the root mean square of k follows
    Student's t with k degrees of freedom, times √(1 + 1/k) (Geisser, *Predictive Inference*, 1993).
    """
    from scipy.stats import t

    return float(t.ppf((1 + ORDINARY) / 2, sprints) * np.sqrt(1 + 1 / sprints))


def rows_for(rows: int, most: int) -> int:
    """The number of rows a null is learned at for a window of so many: a power of √2 not above it, so that windows of
    about one size share a null. Fewer rows are noisier, so the limit errs to the quiet side, by at most 19 % of noise.
    """
    if rows >= most:
        return most
    return int(2 ** (np.floor(2 * np.log2(max(rows, 1))) / 2))


def learn(
    reference: pd.DataFrame,
    windows: Iterable[tuple[str, pd.DataFrame]],
    numbers: Sequence[str],
    categories: Sequence[str],
    rows: int,
    seed: int,
) -> Null:
    """Leave each known sprint out of the reference in turn and measure it against the rest.

    reference: rows the model learned from, with a column `sprint`. windows: sprint and rows of every known sprint;
    one that is no part of the reference is measured against all of it. rows: most rows drawn of each, by `seed`.
    """
    kept = _Reference(reference, numbers, categories)
    found: dict[str, dict[str, list[float]]] = {"values": {}, "missing": {}, "correlations": {}}
    sprints = []
    for sprint, frame in windows:
        drawn = frame if len(frame) <= rows else frame.sample(rows, random_state=seed)
        rest = kept.without(sprint)
        if drawn.empty or rest is None:
            continue
        sprints.append(sprint)
        for kind, distances in rest.distances(drawn).items():
            for name, distance in distances.items():
                found[kind].setdefault(name, []).append(distance)
    spreads = {kind: {name: Spread.of(d) for name, d in table.items()} for kind, table in found.items()}
    ranks = {
        pair: r
        for pair, r in zip(pairs_of(numbers), kept.whole.ranks.tolist(), strict=True)
        if np.isfinite(r)
    }
    return Null(tuple(sprints), rows, shares=kept.whole.shares, ranks=ranks, **spreads)


@dataclass
class _Reference:
    """A reference prepared once: numbers sorted with the sprint of each, so that leaving one out is a mask."""

    frame: pd.DataFrame
    numbers: Sequence[str]
    categories: Sequence[str]
    sorted: dict[str, tuple[Floats, NDArray[Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sprint = self.frame["sprint"].to_numpy()
        for name in self.numbers:
            column = _floats(self.frame[name])
            there = np.flatnonzero(np.isfinite(column))
            order = there[np.argsort(column[there], kind="stable")]
            self.sorted[name] = column[order], sprint[order]

    @cached_property
    def whole(self) -> _Rest:
        return _Rest(self.frame, {name: values for name, (values, _) in self.sorted.items()}, self.categories)

    def without(self, sprint: str) -> _Rest | None:
        keep = (self.frame["sprint"] != sprint).to_numpy()
        if not keep.any():
            return None
        if keep.all():
            return self.whole
        numbers = {name: values[of != sprint] for name, (values, of) in self.sorted.items()}
        return _Rest(self.frame[keep], numbers, self.categories)


@dataclass
class _Rest:
    """The reference without one sprint."""

    frame: pd.DataFrame
    numbers: Mapping[str, Floats]
    categories: Sequence[str]

    @cached_property
    def shares(self) -> dict[str, float]:
        return {name: float(self.frame[name].isna().mean()) for name in (*self.numbers, *self.categories)}

    @cached_property
    def ranks(self) -> Floats:
        return upper(rank_correlations(self.frame, list(self.numbers)))

    def distances(self, window: pd.DataFrame) -> dict[str, dict[str, float]]:
        """Every distance of a window by kind and name; what cannot be compared is left out."""
        values = {}
        for name, was in self.numbers.items():
            now = _floats(window[name])
            now = np.sort(now[np.isfinite(now)])
            if len(now) and len(was):
                values[name] = wasserstein(now, was)
        for name in self.categories:
            here, there = window[name].dropna(), self.frame[name].dropna()
            if len(here) and len(there):
                values[name] = jensen_shannon(here, there) * JS_SCALE
        names = list(self.numbers)
        missing = {
            name: cohens_h(float(window[name].isna().mean()), was) for name, was in self.shares.items()
        }
        moved = cohens_q(upper(rank_correlations(window, names)), self.ranks)
        correlations = {
            pair: float(far) for pair, far in zip(pairs_of(names), moved, strict=True) if np.isfinite(far)
        }
        return {"values": values, "missing": missing, "correlations": correlations}


# --- distances -------------------------------------------------------------------------------------------------------


def wasserstein(now: Floats, was: Floats) -> float:
    """First Wasserstein distance of two *sorted* samples over the second one's standard deviation, as Evidently's
    `wasserstein` gives it; the reports are made by that, nulls by this, and a test holds them equal.
    """
    both = np.concatenate([now, was])
    order = np.argsort(both, kind="stable")  # two runs in order merge in linear time
    step = np.where(order < len(now), 1 / len(now), -1 / len(was))
    gap = np.abs(np.cumsum(step)[:-1])
    return float((gap * np.diff(both[order])).sum()) / max(float(was.std()), 0.001)


def jensen_shannon(now: pd.Series, was: pd.Series) -> float:
    """Jensen-Shannon distance of two columns of categories, natural logarithm, as Evidently's `jensenshannon`."""
    first, second = now.value_counts(normalize=True), was.value_counts(normalize=True)
    index = first.index.union(second.index)
    p = first.reindex(index, fill_value=0.0).to_numpy(dtype=float)
    q = second.reindex(index, fill_value=0.0).to_numpy(dtype=float)
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = sum(np.where(side > 0, side * np.log(side / middle), 0.0).sum() for side in (p, q)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def cohens_h(now: float, was: float) -> float:
    """Cohen's h of two shares; about 0.2 is small, 0.5 medium, 0.8 large (Cohen, 1988)."""
    return float(2 * abs(np.arcsin(np.sqrt(now)) - np.arcsin(np.sqrt(was))))


def cohens_q(now: Floats, was: Floats) -> Floats:
    """Cohen's q of correlations; about 0.1 is small, 0.3 medium, 0.5 large (Cohen, 1988)."""
    return np.abs(np.arctanh(_cut(now)) - np.arctanh(_cut(was)))


def rank_correlations(frame: pd.DataFrame, names: Sequence[str]) -> Floats:
    """(f, f) Spearman correlations; NaN for a column that does not vary. A missing value takes the middle rank.

    One product of matrices: Evidently's `CorrelationMatrix` took 6.8 s for 12,000 rows and 45 columns, since it makes
    Kendall's and the plots with it; this takes a tenth of a second.
    """
    ranks = frame[list(names)].rank().to_numpy(dtype=float)
    there = np.isfinite(ranks)
    ranks = np.where(there, ranks - (there.sum(axis=0) + 1) / 2, 0.0)  # the mean of ranks 1 to n
    length = np.sqrt((ranks**2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((ranks.T @ ranks) / np.outer(length, length))


def pairs_of(names: Sequence[str]) -> list[str]:
    """Names of the pairs in the order of `upper`."""
    return [f"{one}{PAIR}{other}" for place, one in enumerate(names) for other in names[place + 1 :]]


def upper(matrix: Floats) -> Floats:
    """The part of a matrix above its diagonal, row by row."""
    return matrix[np.triu_indices(len(matrix), k=1)]


def _cut(r: Floats) -> Floats:
    return np.clip(r, -NEAR_ONE, NEAR_ONE)


def _floats(column: pd.Series) -> Floats:
    return column.to_numpy(dtype=float, na_value=np.nan)
