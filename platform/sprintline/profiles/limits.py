"""Limits that a product's own history sets to the statistics of its sources, and what is beyond them.

A statistic is compared with what the sprints before it lead to expect. How far it usually is from that is learned from
the same forecasts in the past, so growth and season are part of what is usual. With few sprints the variance of one
statistic says little, so it is shrunk towards that of its family, and the test has the degrees of freedom of both (the
moderated t of Smyth 2004, "Linear models and empirical Bayes methods", doi 10.2202/1544-6115.1027). Over all statistics
of a source the false discovery rate is held (Benjamini and Hochberg 1995), and each source has its part of it: when
nothing happened, the chance of any finding in a sprint is at most `FALSE_RATE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sprintline.profiles.statistics import (
    DOUBLES,
    KEY,
    LEVEL,
    NULLS,
    RELATION,
    ROWS,
    RUN,
    SAME,
    SHARE,
    SHARES,
    SPREAD,
    TOTAL,
    joined,
    most_levels,
    shares,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Numbers = np.ndarray[Any, Any]

FALSE_RATE: Final = 0.01
"""Chance of a finding in a sprint in which nothing happened: one in four years of fortnights."""
LEAST_SPRINTS: Final = 4
"""Earlier sprints with the statistic, below which it is not compared."""
RECENT: Final = 6
"""Earlier values whose median is the forecast."""
HISTORY: Final = 26
"""Earlier sprints that are read, at most, besides those of a year ago."""

MOSTLY_ONE: Final = 0.5
"""Usual share of the most frequent value from which repeated values are no sign of a fault."""

LEAST_MOVE: Final = {
    SHARE: 0.005, NULLS: 0.03, SAME: 0.10, RUN: 1.0986, DOUBLES: 0.005, RELATION: 0.005,
    LEVEL: 0.25, SPREAD: 1.0986,
}  # fmt: skip
"""Smaller moves are no finding however sure they are: points of a share, standard deviations of a mean, the logarithm
of a factor of 3 of a spread."""
LEAST_RUN: Final = 12
"""Shorter runs of equal values are no finding."""
LEAST_EQUAL: Final = 15
"""So many rows of a group, besides the share above, have to become equal: in a group of 25 rows one flight that leaves
at another hour is half of it."""
HOLDS: Final = 0.005
"""Share of rows that violated a relation in any earlier sprint, at most. What is true only at times is not usable."""
LEAST_FACTOR: Final = 1.5
"""Shares move by this factor at least."""
LEAST_ROWS_FACTOR: Final = {ROWS: 2.0, TOTAL: 1.2}
"""Rows of a day, and rows per day of a sprint, move by this factor at least."""


def deviations(
    now: pd.DataFrame, before: pd.DataFrame, a_year_ago: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Every statistic of a source that can be compared with its history, the most improbable first.

    Args:
        now: the sprint's profile (`statistics.COLUMNS`).
        before: those of earlier sprints, with `at`: the sprint's place among them, from 0, the oldest.
        a_year_ago: those of the same season, where the history reaches that far: what is as it was then is no finding.

    Returns:
        The profile's columns with `expected` (the figure that was forecast), `distance` (from the forecast, in usual
        forecast errors), `p` (the chance of such a distance when nothing happened), `sprints` (earlier sprints it was
        compared with), and `large` (whether the move matters by its size).
    """
    import pandas as pd

    then = before.iloc[:0] if a_year_ago is None else a_year_ago
    rows_by_sprint = before[before.measure == ROWS].groupby("at")["n"].sum()
    parts = []
    for daily in (True, False):
        one, past, ago = (frame[(frame.measure == ROWS) == daily] for frame in (now, before, then))
        if not daily:
            one = pd.concat([one, _absent(one, past, rows_of(now))], ignore_index=True)
        parts.append(_compared(one, past, ago, rows_by_sprint))
    return pd.concat(parts, ignore_index=True).sort_values("p", kind="stable", ignore_index=True)


def findings(compared: pd.DataFrame, sources: int = 1) -> pd.DataFrame:
    """The deviations that are sure over all statistics of the sprint, and large; the most improbable first.

    Args:
        compared: the deviations of one source (`deviations`).
        sources: how many the product has. Each has the same part of the false rate, so that a source of ten columns is
            not judged by the number of columns of another.
    """
    import numpy as np

    ordered = compared.sort_values("p", kind="stable", ignore_index=True)
    limits = FALSE_RATE / sources * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    below = np.flatnonzero(ordered.p <= limits)
    return ordered[: below.max() + 1 if len(below) else 0].query("large").reset_index(drop=True)


def rows_of(profile: pd.DataFrame) -> int:
    """Rows of the source in the sprint."""
    return int(profile.loc[profile.measure == ROWS, "n"].sum())


def _absent(now: pd.DataFrame, before: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Shares of zero of the groups that earlier sprints had and this one has not, of columns that still group rows."""
    import numpy as np

    shared = before[(before.measure == SHARE) & before.by.isin(now.loc[now.measure == SHARE, "by"].unique())]
    gone = shared[~np.isin(_keys(shared), _keys(now))].drop_duplicates(list(KEY))
    return joined(
        [shares(SHARE, [0] * len(gone), max(rows, 1), by=gone.by.to_numpy(), group=gone.group.to_numpy())]
    )


def _compared(
    now: pd.DataFrame, before: pd.DataFrame, a_year_ago: pd.DataFrame, rows_by_sprint: pd.Series
) -> pd.DataFrame:
    import numpy as np
    from scipy.special import stdtr

    if before.empty or now.empty:
        return now.iloc[:0].assign(expected=0.0, distance=0.0, p=1.0, sprints=0, large=False)
    keys, first, place = np.unique(_keys(now), return_index=True, return_inverse=True)
    values, errors, figures = _by_moment(keys, before, len(rows_by_sprint))
    rows = rows_by_sprint.to_numpy()
    by = now.by.where(now.measure == SHARE, "").to_numpy()[first]
    _fill_shares(values, errors, figures, _could_group(by, before, rows), rows)
    centre, centre_error = forecast(values, errors)
    variance, freedom = usual(values, errors)
    variance, freedom = _shrunk(variance[place], freedom[place], now)
    error = np.hypot(now.error.to_numpy(), centre_error[place]) * np.sqrt(variance)
    value = now.value.to_numpy()
    distance = (value - centre[place]) / error
    for then in _by_moment(keys, a_year_ago)[0].T:
        # Two single values are compared: the older one is as uncertain as this one.
        other = (value - then[place]) / (error * 2**0.5)
        distance = np.where(np.abs(other) < np.abs(distance), other, distance)
    there = ~np.isnan(values).reshape(len(keys), len(rows_by_sprint), -1)
    sprints = there.any(axis=2).sum(axis=1)[place]
    found = now.assign(
        expected=_median(figures[:, -RECENT:])[place],
        distance=distance,
        p=2 * stdtr(freedom, -np.abs(distance)),
        sprints=sprints,
    )
    held = np.nan_to_num(np.nanmax(np.c_[figures, np.zeros(len(keys))], axis=1)) <= HOLDS
    found["large"] = _large(found, np.abs(value - centre[place]))
    found.loc[found.measure.isin((SAME, RUN, DOUBLES, RELATION)).to_numpy() & (distance < 0), "p"] = 1.0
    judged = (found.measure != RELATION) | held[place]
    return found[(sprints >= LEAST_SPRINTS) & np.isfinite(distance) & ~_of_few_values(found) & judged]


def _by_moment(
    keys: Numbers, past: pd.DataFrame, sprints: int | None = None
) -> tuple[Numbers, Numbers, Numbers]:
    """Values, errors and figures of statistics (rows) by sprint, oldest first; NaN where a sprint has none.

    A statistic that a sprint has more than once, the rows of its Mondays, takes as many columns.
    """
    import numpy as np

    named = _keys(past)
    row = np.searchsorted(keys, named).clip(max=len(keys) - 1)
    known = keys[row] == named if len(named) else np.zeros(0, dtype=bool)
    past, row = past[known], row[known]
    at = past["at"].to_numpy()
    turn = past.groupby([row, at]).cumcount().to_numpy()
    wide = int(turn.max(initial=0)) + 1
    columns = (int(at.max(initial=-1)) + 1 if sprints is None else sprints) * wide
    found = []
    for name in ("value", "error", "figure"):
        table = np.full((len(keys), columns), np.nan)
        table[row, at * wide + turn] = past[name]
        found.append(table)
    return found[0], found[1], found[2]


def _could_group(by: Numbers, before: pd.DataFrame, rows: Numbers) -> Numbers:
    """By statistic and earlier sprint, whether its column grouped that sprint's rows, or was of one value.

    A shorter sprint has fewer rows, of which a column with as many groups is not measured: nothing is known of it then.

    by: the column of each statistic, empty for one that is no share. rows: of each earlier sprint.
    """
    import numpy as np

    found = np.zeros((len(by), len(rows)), dtype=bool)
    shared = before[before.measure == SHARE]
    for column in np.unique(by[by != ""]):
        here = by == column
        grouped = shared.loc[shared["by"] == column, "at"].unique()
        found[here] = most_levels(rows) >= here.sum()
        found[np.ix_(here, grouped)] = True
    return found


def _fill_shares(
    values: Numbers, errors: Numbers, figures: Numbers, of_groups: Numbers, rows: Numbers
) -> None:
    """A group without a row in an earlier sprint had a share of zero there; that is its history, too.

    of_groups: by statistic and sprint, as `_could_group` says.
    """
    import numpy as np

    if not of_groups.any():
        return
    empty = np.isnan(values) & of_groups & (rows > 0)
    values[empty] = figures[empty] = 0.0
    errors[empty] = np.broadcast_to(np.maximum(rows, 1.0) ** -0.5, values.shape)[empty]


def _of_few_values(found: pd.DataFrame) -> Numbers:
    """Repeated values of columns that usually have one value in every second row: a schedule, or rain, mostly 0."""
    import numpy as np

    place = ["column", "by", "group"]
    few = found.loc[(found.measure == SAME) & (found.expected >= MOSTLY_ONE), place].drop_duplicates()
    joined = found[place].merge(few, how="left", indicator=True)["_merge"].to_numpy() == "both"
    return np.asarray(joined & found.measure.isin((SAME, RUN)).to_numpy())


def _keys(profile: pd.DataFrame) -> Numbers:
    import numpy as np

    joined = profile[KEY[0]].astype(str)
    for name in KEY[1:]:
        joined = joined + "\x1f" + profile[name].astype(str)
    return np.asarray(joined.to_numpy(dtype=str))


def _large(found: pd.DataFrame, moved: Numbers) -> Numbers:
    """Whether each move from what was expected matters by its size."""
    import numpy as np

    measure = found.measure.to_numpy()
    figure, expected = found.figure.to_numpy(), found.expected.to_numpy()
    least = np.array([LEAST_MOVE.get(one, 0.0) for one in measure])
    less, more = np.minimum(figure, expected), np.maximum(figure, expected)
    factor = (more >= LEAST_FACTOR * less) | (1 - less >= LEAST_FACTOR * (1 - more))
    n = found.n.to_numpy()
    least = np.where(measure == SAME, least + LEAST_EQUAL / np.maximum(n, 1), least)
    by_share = (more - less >= least) & factor
    # The mean of all rows is in the column's unit; its error gives the standard deviation.
    unit = np.where(found.by.to_numpy() == "", found.error.to_numpy() * np.sqrt(n), 1.0)
    by_size = moved >= least * np.where(measure == LEVEL, unit, 1.0)
    by_size &= (measure != RUN) | (figure >= LEAST_RUN)
    # A spread is compared with that of all rows; it has to be another in its own unit as well.
    by_size &= (measure != SPREAD) | (more >= less * np.exp(LEAST_MOVE[SPREAD]) * 0.9)
    by_rows = more >= less * np.array([LEAST_ROWS_FACTOR.get(one, 1.0) for one in measure])
    return np.where(
        np.isin(measure, list(LEAST_ROWS_FACTOR)),
        by_rows,
        np.where(np.isin(measure, SHARES), by_share, by_size),
    )


def _median(values: Numbers) -> Numbers:
    """Median of each row's known values; NaN for a row without one."""
    import numpy as np

    ordered = np.sort(values, axis=1)  # NaN last
    n = (~np.isnan(ordered)).sum(axis=1)
    rows = np.arange(len(ordered))
    middle = (
        ordered[rows, np.maximum(n - 1, 0) // 2] + ordered[rows, n // 2 if ordered.shape[1] > 1 else 0]
    ) / 2
    return np.where(n > 0, np.where(n % 2 == 1, ordered[rows, np.maximum(n - 1, 0) // 2], middle), np.nan)


def forecast(values: Numbers, errors: Numbers) -> tuple[Numbers, Numbers]:
    """Median of the recent values of each statistic (a row; columns are moments), and its sampling error."""
    import numpy as np

    recent, noise = values[:, -RECENT:], errors[:, -RECENT:]
    n = np.maximum((~np.isnan(recent)).sum(axis=1), 1)
    mean_square = np.nansum(noise**2, axis=1) / n
    # A median of many has 1.571 times the variance of their mean; of one or two it is the mean.
    return _median(recent), np.sqrt(mean_square * np.where(n > 2, 1.571, 1.0) / n)


def usual(values: Numbers, errors: Numbers) -> tuple[Numbers, Numbers]:
    """How far past forecasts were off: mean square over the sampling variance, and how many they were.

    1 says that sampling alone explains the errors.
    """
    import numpy as np

    squares, counts = np.zeros(len(values)), np.zeros(len(values))
    for at in range(1, values.shape[1]):
        centre, error = forecast(values[:, max(0, at - RECENT) : at], errors[:, max(0, at - RECENT) : at])
        ratio = (values[:, at] - centre) ** 2 / (errors[:, at] ** 2 + error**2)
        known = ~np.isnan(ratio)
        squares[known] += ratio[known]
        counts += known
    return squares / np.maximum(counts, 1), counts


def _shrunk(variance: Numbers, freedom: Numbers, now: pd.DataFrame) -> tuple[Numbers, Numbers]:
    """Variance and degrees of freedom of each statistic, with what its family adds: the groups of its column.

    A family of fewer than eight is one with all of its measure.
    """
    import numpy as np

    spread, total = variance.copy(), freedom.copy()
    family = now.groupby(["measure", "column", "by"]).ngroup().to_numpy()
    wider = now.assign(grouped=now.by != "").groupby(["measure", "grouped"]).ngroup().to_numpy()
    family = np.where(np.bincount(family)[family] >= 8, family, family.max() + 1 + wider)
    for one in np.unique(family):
        members = np.flatnonzero(family == one)
        known = members[freedom[members] > 0]
        if len(known):
            prior, weight = prior_of(np.maximum(variance[known], 1e-3), freedom[known])
            spread[members] = (freedom[members] * variance[members] + weight * prior) / (
                freedom[members] + weight
            )
            total[members] = freedom[members] + weight
    return np.maximum(spread, 1.0), np.maximum(total, 1.0)


def prior_of(variances: Numbers, freedom: Numbers) -> tuple[float, float]:
    """Variance that a family adds, and how many observations it is worth (Smyth 2004, section 6.2)."""
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    if len(variances) < 3:
        return float(np.median(variances)), 1.0
    logs = np.log(variances) - digamma(freedom / 2) + np.log(freedom / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, freedom / 2).mean())
    most = 60.0
    weight = most
    if excess > float(polygamma(1, most / 2)):
        weight = 2 * float(brentq(lambda half: float(polygamma(1, half)) - excess, 1e-3, most / 2))
    return float(np.exp(logs.mean() + digamma(weight / 2) - np.log(weight / 2))), weight
