"""From texts or an Arrow table to a typed frame that keeps its contract, or to the reason of a refusal.

Types are converted here, one distinct value at a time, so that a wrong one is reported with its line. Everything else
in a contract (nulls, ranges, lengths, patterns, allowed values, keys) is checked by the generated pandera schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sprintline.base.time_zones import midnight, zone_of
from sprintline.landing.contracts import DAY, Column, Contract, repeated_rows
from sprintline.landing.dates import microseconds
from sprintline.landing.days import day_ends, day_starts, read_as_days
from sprintline.landing.reasons import EXAMPLES, WINDOW, BadFile, Violation, places, quoted
from sprintline.landing.types import assemble, convert

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NO_MOMENT = "no moment at which a row happened or became known"
LATER = "leave the row out until its moment is known; it lands then"
LONGEST = timedelta(days=50 * 366)
"""Nothing becomes known so long after it happened."""

_EXAMPLE = {
    "integer": "a whole number, for example 12",
    "number": "a number with a decimal point, for example 3.5",
    "boolean": "true or false",
    "date": "a date as 2013-01-31",
    "timestamp": "a moment as 2013-01-31T17:30:00Z",
    "string": "text",
}


class Window(Protocol):
    """What is needed of a sprint: its key and its bounds, half-open, as aware datetimes."""

    @property
    def key(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


@dataclass
class Typed:
    """A frame under construction: `bad[column]` marks rows whose text did not fit the type."""

    frame: pd.DataFrame
    places: Sequence[int]
    word: str
    violations: list[Violation] = field(default_factory=list)
    bad: dict[str, np.ndarray] = field(default_factory=dict)

    def lines(self, mask: Any) -> tuple[int, ...]:
        """The lines (or row numbers) of the first few marked rows."""
        import numpy as np

        return tuple(
            int(self.places[index]) for index in np.flatnonzero(np.asarray(mask, dtype=bool))[:EXAMPLES]
        )


def frame_from_text(columns: dict[str, Sequence[str]], lines: Sequence[int], contract: Contract) -> Typed:
    """A typed frame from texts; columns in the contract's order."""
    import numpy as np
    import pandas as pd

    typed = Typed(pd.DataFrame(index=pd.RangeIndex(len(lines))), lines, "line")
    series: dict[str, Any] = {}
    for column in contract.columns:
        texts = np.array(columns[column.name], dtype=object)
        codes, distinct = pd.factorize(texts)
        missing = np.isin(distinct, column.absent)
        values, reasons = convert(distinct, missing, column)
        if reasons:
            bad = np.zeros(len(distinct), dtype=bool)
            bad[list(reasons)] = True
            missing |= bad
            rows = bad[codes]
            typed.bad[column.name] = rows
            first = int(np.flatnonzero(rows)[0])
            typed.violations.append(_misfit(typed, column, rows, texts[first], reasons[codes[first]]))
        series[column.name] = assemble(values, missing, codes, column)
    typed.frame = pd.DataFrame(series, index=typed.frame.index)
    return typed


def _misfit(typed: Typed, column: Column, rows: Any, value: object, reason: str) -> Violation:
    count = int(rows.sum())
    lines = typed.lines(rows)
    shown = "the value (hidden)" if column.hidden else quoted(value)
    wrong = f"{places(lines, count, typed.word)}, column {column.name}: {shown} {reason}"
    return Violation("type", wrong, f"expected {_EXAMPLE[column.logical_type]}", column.name, count, lines)


# --- the contract's checks of values ---------------------------------------------------------------------------------


def checked_frame(typed: Typed, contract: Contract, window: Window | None) -> pd.DataFrame:
    """The frame after all checks of the contract: nulls, ranges, patterns, allowed values, keys, the sprint's window.

    Where the contract names them, `event_at` and `known_at` are added in UTC.

    Raises:
        BadFile: with everything found, types included.
    """
    violations, kept = _judged(typed, contract)
    typed.violations += violations
    for names in contract.keys:
        typed.violations += _duplicates(typed, contract, names)
    if not kept and not typed.violations:
        # The schema refused rows that none of the checks above explains: they are still refused.
        wrong = f"the rows do not keep the contract {contract.name} {contract.version}"
        typed.violations.append(Violation("contract", wrong, "compare the file with the contract's columns"))
    frame = typed.frame
    for target, source in (("event_at", contract.event_at), ("known_at", contract.known_at)):
        if source is not None and source not in typed.bad:
            column = contract.column(source)
            if found := _far(typed, column, frame.get("event_at") if target == "known_at" else None):
                typed.violations.append(found)
                continue
            frame = frame.assign(**{target: moments(typed.frame[source], column, ended=target == "known_at")})
    typed.violations += [found for column in contract.columns if (found := _no_day(typed, column))]
    if window is not None and "event_at" in frame and contract.event_at is not None:
        hidden = contract.column(contract.event_at).hidden
        typed.violations += _outside(frame["event_at"].dropna(), window, typed.places, typed.word, hidden)
    if typed.violations:
        raise BadFile.of(typed.violations, rows=len(frame))
    return frame


def _judged(typed: Typed, contract: Contract) -> tuple[list[Violation], bool]:
    """What the generated pandera schema refuses, one violation per column and check; and whether it let all pass."""
    import numpy as np
    from pandera.errors import SchemaErrors

    try:
        typed.frame = contract.pandera().validate(typed.frame, lazy=True)
        return [], True
    except SchemaErrors as errors:
        # The error's text would list every failing row (megabytes); the cases are counted instead.
        cases = errors.failure_cases
    violations = []
    cases = cases[cases["index"].notna()]
    for (name, check), group in cases.groupby(["column", "check"], sort=False):
        column = contract.column(str(name))
        rows = np.zeros(len(typed.frame), dtype=bool)
        rows[group["index"].astype("int64").to_numpy()] = True
        if column.name in typed.bad:
            rows &= ~typed.bad[column.name]
        count = int(rows.sum())
        if not count:
            continue
        lines = typed.lines(rows)
        where = f"{places(lines, count, typed.word)}, column {column.name}"
        if check == "not_nullable":
            right = f"every row needs a value here; {', '.join(map(repr, column.absent))} mean not known"
            violations.append(Violation("null", f"{where}: empty", right, column.name, count, lines))
        else:
            value = typed.frame[column.name].iloc[int(np.flatnonzero(rows)[0])]
            shown = "the value (hidden)" if column.hidden else quoted(value)
            code = next((code for words, code in _CODES.items() if str(check).startswith(words)), "value")
            violations.append(
                Violation(
                    code, f"{where}: {shown} breaks the contract", f"it {check}", column.name, count, lines
                )
            )
    return violations, False


#: How a check's message begins -> code of the violation.
_CODES = {"must be one of": "enum", "must be": "range", "must have": "length", "must match": "pattern"}


def _duplicates(typed: Typed, contract: Contract, names: tuple[str, ...]) -> list[Violation]:
    import numpy as np

    if any(name in typed.bad for name in names):
        return []
    repeated = repeated_rows(typed.frame, names).to_numpy(dtype=bool)
    if not repeated.any():
        return []
    part = typed.frame.loc[repeated, list(names)]
    groups = part.groupby(list(names), sort=False, dropna=False).indices
    where = np.flatnonzero(repeated)
    shown_groups = []
    for key, members in list(groups.items())[:3]:
        values = key if isinstance(key, tuple) else (key,)
        shown = ", ".join(
            f"{name} (hidden)" if contract.column(name).hidden else f"{name} {quoted(value)}"
            for name, value in zip(names, values, strict=True)
        )
        lines = [int(typed.places[where[member]]) for member in members]
        shown_groups.append(f"{places(lines, len(lines), typed.word)} ({shown})")
    more = f" and {len(groups) - len(shown_groups):,} more" if len(groups) > len(shown_groups) else ""
    wrong = f"the key {' + '.join(names)} is not unique: {'; '.join(shown_groups)}{more}"
    right = "keep one row for each key"
    return [
        Violation("duplicate_key", wrong, right, "+".join(names), int(repeated.sum()), typed.lines(repeated))
    ]


def moments(values: pd.Series, column: Column, ended: bool) -> pd.Series:
    """A timestamp column as it is, a date column as the local midnight it starts or, `ended`, it ends with; in UTC.

    What became known on a day may have become known in its last minute: it counts from the day's end. A timestamp
    column may have days as well (`days.py`).
    """
    import numpy as np
    import pandas as pd

    if column.logical_type == "timestamp":
        return day_ends(values, column) if ended and read_as_days(values, column) else values
    zone, later = zone_of(column.timezone), timedelta(days=int(ended))
    codes, days = pd.factorize(values)
    starts = np.array([microseconds(midnight(day + later, zone)) for day in days], dtype="int64")
    found = pd.Series(np.append(starts, 0)[codes].astype("datetime64[us]"), index=values.index)
    return found.dt.tz_localize("UTC").mask(codes < 0)


def far(values: pd.Series, happened: pd.Series | None = None) -> Any:
    """Which dates or moments are marks such as 9999-12-31, that mean "never" or "not yet", and no moments of a row.

    happened: the moments of the rows; nothing becomes known `LONGEST` after them.
    """
    import numpy as np
    import pandas as pd

    if isinstance(values.dtype, pd.DatetimeTZDtype):
        moments = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    else:
        moments = np.array([None if pd.isna(day) else day for day in values], dtype="datetime64[us]")
    # pandas, DuckDB and Feast calculate in nanoseconds, which end in these years.
    odd = (moments < np.datetime64("1678-01-01")) | (moments >= np.datetime64("2262-01-01"))
    if happened is not None:
        odd |= moments - happened.dt.tz_localize(None).to_numpy().astype("datetime64[us]") > np.timedelta64(
            LONGEST
        )
    return odd


def _far(typed: Typed, column: Column, happened: pd.Series | None) -> Violation | None:
    import numpy as np

    odd = far(typed.frame[column.name], happened)
    if not (count := int(odd.sum())):
        return None
    value = typed.frame[column.name].iloc[int(np.flatnonzero(odd)[0])]
    shown = "the value (hidden)" if column.hidden else quoted(value)
    wrong = f"{places(typed.lines(odd), count, typed.word)}, column {column.name}: {shown} is {NO_MOMENT}"
    return Violation("far_moment", wrong, LATER, column.name, count, typed.lines(odd))


def _no_day(typed: Typed, column: Column) -> Violation | None:
    """Moments with a time in a column that is declared to have days."""
    import numpy as np

    if column.resolution != DAY or column.name in typed.bad:
        return None
    values = typed.frame[column.name]
    timed = ~day_starts(values, zone_of(column.timezone)) & values.notna().to_numpy()
    if not (count := int(timed.sum())):
        return None
    value = values.iloc[int(np.flatnonzero(timed)[0])]
    shown = "the value (hidden)" if column.hidden else quoted(value)
    lines = typed.lines(timed)
    where = f"{places(lines, count, typed.word)}, column {column.name}"
    wrong = f"{where}: {shown} has a time, and the contract promises days"
    right = "write the day with a midnight, or declare resolution: moment in the contract"
    return Violation("day", wrong, right, column.name, count, lines)


def _outside(
    moments: pd.Series, window: Window, lines: Sequence[int], word: str, hidden: bool = False
) -> list[Violation]:
    import numpy as np

    out = ((moments < window.start) | (moments >= window.end)).to_numpy(dtype=bool)
    count = int(out.sum())
    if not count:
        return []
    first = int(np.flatnonzero(out)[0])
    numbers = tuple(int(lines[index]) for index in moments.index[out][:EXAMPLES])
    span = f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    example = "" if hidden else f" ({moments.iloc[first]:%Y-%m-%d %H:%M} UTC)"
    wrong = f"{count:,} of {len(moments):,} rows are outside sprint {window.key} ({span}), first {word} {numbers[0]}"
    right = "send each row with the sprint in which it happened"
    if count == len(moments):
        right = f"is it the file of another sprint? was the calendar changed? if neither, {right}"
    return [Violation(WINDOW, wrong + example, right, "event_at", count, numbers)]


def check_window(frame: pd.DataFrame, window: Window, first_line: int | None = 2) -> None:
    """Refuse a frame whose `event_at` has nulls, no time zone, or moments outside `[window.start, window.end)`.

    Args:
        frame: with the column `event_at`, in the file's row order.
        window: the sprint.
        first_line: the file's line of the first row (`LandedFile.first_line`); None for formats without lines.

    Raises:
        BadFile: with count and first lines. Fields with line breaks inside shift the reported lines.
    """
    moments, lines, word = _moment_column(frame, "event_at", first_line)
    if violations := _outside(moments.reset_index(drop=True), window, lines, word):
        raise BadFile.of(violations, rows=len(frame))


def check_known_at(frame: pd.DataFrame, first_line: int | None = 2) -> None:
    """Refuse a frame whose `known_at` has nulls or no time zone: it would be unclear what was known when.

    Raises:
        BadFile: with count and first lines.
    """
    _moment_column(frame, "known_at", first_line)


def _moment_column(frame: pd.DataFrame, name: str, first_line: int | None) -> tuple[pd.Series, range, str]:
    import numpy as np
    import pandas as pd

    word, first = ("row", 1) if first_line is None else ("line", first_line)
    lines = range(first, first + len(frame))
    right = f"name it in the contract (customProperties), or let the product's sources.py add {name}"
    if name not in frame:
        raise BadFile.of([Violation(name, f"there is no column {name}", right, name)])
    moments = frame[name]
    if not isinstance(moments.dtype, pd.DatetimeTZDtype):
        wrong = f"column {name} has type {moments.dtype}, not moments with a time zone"
        raise BadFile.of([Violation(name, wrong, "make it datetime64[us, UTC]", name)])
    empty = moments.isna().to_numpy()
    if empty.any():
        numbers = tuple(int(lines[index]) for index in np.flatnonzero(empty)[:EXAMPLES])
        count = int(empty.sum())
        wrong = f"{places(numbers, count, word)}: {name} is empty"
        raise BadFile.of([Violation(name, wrong, f"every row needs its {name}", name, count, numbers)])
    if (odd := far(moments)).any():
        numbers = tuple(int(lines[index]) for index in np.flatnonzero(odd)[:EXAMPLES])
        count = int(odd.sum())
        value = quoted(moments.iloc[int(np.flatnonzero(odd)[0])])
        wrong = f"{places(numbers, count, word)}: {name} is {value}, {NO_MOMENT}"
        raise BadFile.of([Violation("far_moment", wrong, LATER, name, count, numbers)])
    return moments, lines, word
