"""The statistics of a source's rows in one sprint, with the sampling error of each.

Every value is on a scale on which its sampling error does not depend on the value, so that one test serves all of
them: a share p as 2 asin(sqrt(p)) with error 1/sqrt(n), a count c as 2 sqrt(c) with error 1 (Anscombe 1948, the
variance-stabilizing transformations of binomial and Poisson), a mean in standard deviations of the source's column, a
standard deviation as a logarithm with error sqrt((kurtosis - 1) / 4n).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Numbers = np.ndarray[Any, Any]

Chunk = dict[str, Any]
"""Some statistics of a profile: an array, or one value for all, by column of it; what is absent is empty."""

ROWS: Final = "rows"
TOTAL: Final = "total"
SHARE: Final = "share"
NULLS: Final = "nulls"
LEVEL: Final = "level"
SPREAD: Final = "spread"
SAME: Final = "same"
RUN: Final = "run"
DOUBLES: Final = "doubles"
RELATION: Final = "relation"

SHARES: Final = (SHARE, NULLS, SAME, DOUBLES, RELATION)
"""Measures whose figure is a share of rows (0 to 1)."""

KEY: Final = ("measure", "column", "by", "group", "slot")
"""Columns that a statistic shares with the same one of other sprints."""
COLUMNS: Final = (*KEY, "day", "n", "figure", "value", "error")
"""Columns of a profile, a row per statistic.

measure: what is measured (`rows` of a day, `total`: rows per day of the sprint, `share`, `nulls`, ...). column: of
which column; empty for rows and shares of groups.
by, group: the column whose value selects the rows, and that value; empty for all rows. slot: the weekday of `rows` of a
day. day: that day (ISO, the calendar's time zone). n: rows it was computed from. figure: in the unit that people read:
a share (0 to 1), rows, the column's own unit. value, error: on the scale of the test, and its standard error from
sampling alone.
"""

LEAST_ROWS: Final = 50
"""A group of fewer rows has no mean, no spread and no longest run."""
LEAST_SHARED: Final = 20
"""A group of fewer rows has no statistics at all, besides its share of the rows."""
MOST_LEVELS: Final = 200
"""A column with more different values does not group rows."""
MOST_STATISTICS: Final = 20_000
"""A source with more than this has no statistics by group of its columns."""
NARROWEST: Final = 0.02
"""A group's standard deviation is not taken as smaller than this share of the column's: below it lie rounding and the
few values of a schedule."""
RUN_ERROR: Final = 0.3
"""Usual error of the logarithm of the longest run: 1.28 / log(n) of independent values (Gumbel), for 50 to 300 rows."""
WAIT: Final = " - event_at (minutes)"
"""After the name of a column of moments, of which the distance from the row's own moment is measured."""
NOT_MEASURED: Final = ("event_at", "known_at")


def statistics(
    frame: pd.DataFrame,
    days: Sequence[str],
    timezone: Any,
    key: Sequence[str] = (),
    hidden: Sequence[str] = (),
    rates: Sequence[str] = (),
) -> pd.DataFrame:
    """The profile of one source's rows of one sprint: a row per statistic, with the columns `COLUMNS`.

    Args:
        frame: the rows, with their moment in `event_at` (UTC).
        days: the sprint's days (ISO), in order. timezone: in which they are days.
        key: columns that name a row; their distribution is not measured.
        hidden: columns whose values must not be shown; only their nulls are measured.
        rates: columns of yes and no (1 and 0), of which only nulls and the mean are measured.
    """
    import numpy as np

    rows = frame.sort_values("event_at", kind="stable")
    found: list[Chunk] = [_rows(rows, days, timezone), _total(len(rows), len(days))]
    if len(rows):
        numbers, groupings = measured_columns(rows.drop(columns=list(hidden), errors="ignore"), key, timezone)
        values = {name: floats(rows[name]) for name in numbers} | _waits(rows, key, hidden)
        scales = {name: scale for name, column in values.items() if (scale := _scale(column))}
        every = np.zeros(len(rows), dtype=np.int64)
        found.append(_nulls_of_all(rows))
        for name in values:
            found += _shapes(name, values[name], "", every, [""], None, name in rates)
        for by in groupings:
            codes, names = _codes(rows[by])
            counts = np.bincount(codes[codes >= 0], minlength=len(names))
            found.append(shares(SHARE, counts, len(rows), by=by, group=names))
            if len(names) * len(scales) * 5 <= MOST_STATISTICS:
                for name, scale in scales.items():
                    found += _shapes(name, values[name], by, codes, names, scale, name in rates)
    return joined(found)


def joined(chunks: Sequence[Chunk]) -> pd.DataFrame:
    """One profile of several chunks."""
    import numpy as np
    import pandas as pd

    columns = {}
    for name in COLUMNS:
        parts = [
            np.broadcast_to(np.asarray(one.get(name, ""), dtype=_TYPES.get(name, object)), one["value"].shape)
            for one in chunks
        ]
        columns[name] = np.concatenate(parts)
    return pd.DataFrame(columns)


_TYPES = {"n": "int64", "figure": "float64", "value": "float64", "error": "float64"}


def shares(measure: str, counts: Any, n: Any, **of: Any) -> Chunk:
    """Shares of rows as statistics: `counts` of `n` rows, of the columns and groups named in `of`."""
    import numpy as np

    counts, n = np.broadcast_arrays(np.asarray(counts, dtype=float), np.asarray(n, dtype=float))
    share = np.clip(counts / n, 0, 1)
    return {
        "measure": measure,
        **of,
        "n": n,
        "figure": share,
        "value": 2 * np.arcsin(np.sqrt(share)),
        "error": n**-0.5,
    }


def most_levels(rows: Any) -> Numbers:
    """Most values of a column that groups so many rows (a number, or several)."""
    import numpy as np

    return np.minimum(MOST_LEVELS, np.maximum(np.asarray(rows) // 10, 2))


def measured_columns(rows: pd.DataFrame, key: Sequence[str], timezone: Any) -> tuple[list[str], list[str]]:
    """Columns of numbers whose distribution is measured, and columns that group rows.

    Parts of the key, columns of one value and those that repeat a part of the row's moment (year, month, hour, ...) are
    no measured numbers.
    """
    import pandas as pd

    numbers, groupings = [], []
    sample = rows.iloc[:: max(len(rows) // 500, 1)]
    parts = _moment_parts(sample["event_at"], timezone)
    most = int(most_levels(len(rows)))
    for name, column in rows.drop(columns=list(NOT_MEASURED), errors="ignore").items():
        flag = pd.api.types.is_bool_dtype(column.dtype)
        if pd.api.types.is_numeric_dtype(column.dtype) and not flag:
            if name not in key and not _is_part(sample[name], parts):
                numbers.append(str(name))
        elif flag or pd.api.types.is_string_dtype(column.dtype) or pd.api.types.is_object_dtype(column.dtype):
            groups = 2 <= column.nunique() <= most and list(key) != [name]
            groupings += [str(name)] if groups else []
    return numbers, groupings


def _waits(rows: pd.DataFrame, key: Sequence[str], hidden: Sequence[str]) -> dict[str, Numbers]:
    """Minutes from the row's moment to its other moments, by column; without those that are always that moment."""
    import numpy as np
    import pandas as pd

    found = {}
    for name, column in rows.items():
        if name in (*NOT_MEASURED, *key, *hidden) or not isinstance(column.dtype, pd.DatetimeTZDtype):
            continue
        known = column.notna()
        if any(
            (rows["event_at"].dt.floor(part)[known] == column[known]).mean() >= 0.99 for part in ("h", "D")
        ):
            continue  # the hour or day that the row's moment is in
        minutes = ((column - rows["event_at"]).dt.total_seconds() / 60).to_numpy(dtype=float)
        if np.nanmax(np.abs(minutes), initial=0) > 0:
            found[f"{name}{WAIT}"] = minutes
    return found


def numbers_of(frame: pd.DataFrame, column: str) -> pd.Series:
    """The values of a measured column: its own, or the minutes from the row's moment to it."""
    if not column.endswith(WAIT):
        return frame[column]
    return (frame[column.removesuffix(WAIT)] - frame["event_at"]).dt.total_seconds() / 60


def _moment_parts(moments: pd.Series, timezone: Any) -> list[Numbers]:
    """Year, month, day, ... of moments, in the time zone and in UTC."""
    parts = ("year", "month", "day", "hour", "minute", "dayofweek", "dayofyear", "quarter")
    zoned = [moments.dt.tz_convert(zone) for zone in (timezone, "UTC")]
    return [getattr(one.dt, part).to_numpy() for one in zoned for part in parts]


def _is_part(column: pd.Series, parts: Sequence[Numbers]) -> bool:
    import numpy as np

    numbers = floats(column)
    known = ~np.isnan(numbers)
    # A column that is empty in the sample may have values in other rows.
    return bool(known.any()) and any((part[known] == numbers[known]).mean() >= 0.99 for part in parts)


def floats(column: pd.Series) -> Numbers:
    """A column of numbers as floats; NaN for what is not known."""
    import numpy as np

    return np.asarray(column.astype("Float64").to_numpy(dtype=float, na_value=np.nan))


def _codes(column: pd.Series) -> tuple[Numbers, list[str]]:
    import pandas as pd

    codes, names = pd.factorize(column, sort=True)
    return codes, [str(name) for name in names]


def _rows(rows: pd.DataFrame, days: Sequence[str], timezone: Any) -> Chunk:
    from datetime import date

    import numpy as np

    counts = np.bincount(day_of(rows["event_at"], days[0], timezone), minlength=len(days))[: len(days)]
    slots = [str(date.fromisoformat(day).weekday()) for day in days]
    told = {"measure": ROWS, "slot": slots, "day": list(days), "n": counts}
    return {**told, "figure": counts.astype(float), "value": 2 * np.sqrt(counts), "error": 1.0}


def _total(rows: int, days: int) -> Chunk:
    import numpy as np

    value = np.array([2 * (rows / days) ** 0.5])
    return {"measure": TOTAL, "n": rows, "figure": rows / days, "value": value, "error": days**-0.5}


def day_of(moments: pd.Series, first: str, timezone: Any) -> Numbers:
    """Days (integers) from the first day (ISO, of the time zone) to each moment's."""
    import numpy as np
    import pandas as pd

    if moments.empty:
        return np.zeros(0, dtype=np.int64)
    local = moments.dt.tz_convert(timezone).dt.tz_localize(None)
    return np.asarray((local - pd.Timestamp(first)).dt.days.clip(lower=0), dtype=np.int64)


def _nulls_of_all(rows: pd.DataFrame) -> Chunk:
    names = [str(name) for name in rows.columns if name not in NOT_MEASURED]
    return shares(NULLS, rows[names].isna().sum().to_numpy(), len(rows), column=names)


def _scale(column: Numbers) -> tuple[float, float, float, float] | None:
    """Middle and width of all rows, and the bounds of their middle 98 %; None where all of these are equal.

    The width is 0.741 times the distance of the quartiles, the standard deviation of a normal distribution, and neither
    it nor the median moves much with a group that is far off: else all other groups would seem to have moved. Where
    half of the rows are equal it is the standard deviation.
    """
    import numpy as np

    known = column[~np.isnan(column)]
    if len(known) < LEAST_ROWS:
        return None
    low, first, median, third, high = (
        float(one) for one in np.quantile(known, (0.01, 0.25, 0.5, 0.75, 0.99))
    )
    spread = float(np.clip(known, low, high).std())
    # Quartiles that lie much closer together than the standard deviation are those of a few frequent values.
    width = max(0.741 * (third - first), 0.05 * spread)
    return (median, width, low, high) if spread > 0 else None


def _shapes(
    name: str,
    column: Numbers,
    by: str,
    codes: Numbers,
    names: Sequence[str],
    scale: tuple[float, float, float, float] | None,
    is_rate: bool,
) -> list[Chunk]:
    """Nulls, level, spread, most frequent value and repeated values of a column, for each group of rows.

    With `scale`, that of all rows, level and spread are relative to it: what all groups share, a season, is no finding.
    """
    import numpy as np

    size = len(names)
    known = (codes >= 0) & ~np.isnan(column)
    code, value = codes[known], column[known]
    rows = np.bincount(codes[codes >= 0], minlength=size)
    n = np.bincount(code, minlength=size)
    group = np.asarray(names, dtype=object)
    found: list[Chunk] = []
    if by:
        some = rows >= LEAST_SHARED
        found.append(shares(NULLS, (rows - n)[some], rows[some], column=name, by=by, group=group[some]))
    some = n >= LEAST_SHARED
    if not is_rate and some.any():
        most = _longest(code, value, np.lexsort((value, code)), size)
        found.append(shares(SAME, most[some], n[some], column=name, by=by, group=group[some]))
    some = n >= LEAST_ROWS
    if not some.any():
        return found
    told = {"column": name, "by": by, "group": group[some], "n": n[some]}
    if not is_rate:
        run = _longest(code, value, np.argsort(code, kind="stable"), size)[some]
        found.append({"measure": RUN, **told, "figure": run, "value": np.log(run), "error": RUN_ERROR})
    own = scale or _scale(column)
    if own is None:
        return found
    centre, width, low, high = own
    z = (np.clip(value, low, high) - centre) / width
    mean = np.bincount(code, z, minlength=size) / np.maximum(n, 1)
    square = np.bincount(code, (z - mean[code]) ** 2, minlength=size) / np.maximum(n, 1)
    fourth = np.bincount(code, (z - mean[code]) ** 4, minlength=size) / np.maximum(n, 1)
    deviation = np.maximum(np.sqrt(square), NARROWEST)
    kurtosis = np.maximum(fourth / deviation**4, 1.8)  # 1.8 is that of a uniform distribution
    level = {"figure": mean * width + centre, "value": mean, "error": deviation / np.sqrt(np.maximum(n, 1))}
    spread = {
        "figure": np.sqrt(square) * width,
        "value": np.log(deviation),
        "error": np.sqrt((kurtosis - 1) / (4 * np.maximum(n, 1))),
    }
    if scale is None:
        # All rows have no others to compare with: the column's own unit.
        level["value"], level["error"] = level["figure"], level["error"] * width
        spread["value"] = np.log(np.maximum(np.sqrt(square) * width, 1e-9))
    for measure, figures in ((LEVEL, level), *(() if is_rate else ((SPREAD, spread),))):
        found.append({"measure": measure, **told, **{key: one[some] for key, one in figures.items()}})
    return found


def _longest(code: Numbers, value: Numbers, order: Numbers, size: int) -> Numbers:
    """Length of the longest run of equal values in each group, of rows in this order."""
    import numpy as np

    ordered, in_turn = code[order], value[order]
    new = np.flatnonzero(np.r_[True, (in_turn[1:] != in_turn[:-1]) | (ordered[1:] != ordered[:-1])])
    longest = np.zeros(size)
    np.maximum.at(longest, ordered[new], np.diff(np.r_[new, len(ordered)]))
    return longest
