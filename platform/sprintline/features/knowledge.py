"""What was known of a source's rows at a moment: later values are scrambled, so any use of them changes a result.

Pure functions on a frame. A scrambled value is never the true one: a text or number becomes another one of its column
or null, a moment another moment that is not reached yet. So a condition or an average over such values changes too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from sprintline.landing.contracts import Column, Contract

EVENT_AT = "event_at"
KNOWN_AT = "known_at"
_PLATFORM = frozenset({EVENT_AT, "sprint"})


@dataclass(frozen=True)
class Knowledge:
    """When the values of one source are known.

    asked: columns known when the question is asked, or earlier. Where there is none, nothing of a row is known before
        the row is, not even that there will be one.
    moments: column with the moment, by column that is known at a moment of its own.
    columns: the contract's column of each of these moments; a day is known at its end.
    row_moments: columns that say when the row itself was known.
    """

    asked: frozenset[str] = frozenset()
    moments: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    row_moments: frozenset[str] = frozenset({KNOWN_AT})

    @classmethod
    def of(cls, contract: Contract) -> Knowledge:
        """As a contract declares it. A row that is known to exist has its key and the moment of its event."""
        from sprintline.landing.contracts import AT_QUESTION, WITH_ROW

        asked = {column.name for column in contract.columns if column.known_at == AT_QUESTION}
        if asked:
            asked |= {*contract.key, *([contract.event_at] if contract.event_at else [])}
        moments = {
            column.name: column.known_at
            for column in contract.columns
            if column.known_at not in (AT_QUESTION, WITH_ROW)
        }
        columns = {column.name: column for column in contract.columns if column.name in moments.values()}
        rows = {KNOWN_AT, *([contract.known_at] if contract.known_at else [])}
        return cls(frozenset(asked), moments, columns, frozenset(rows))


@dataclass(frozen=True)
class AsKnown:
    """Rows as they were known at a moment, and how many of each column's values were scrambled."""

    rows: pd.DataFrame
    scrambled: Mapping[str, int]


def as_known(
    frame: pd.DataFrame,
    knowledge: Knowledge,
    moment: datetime,
    ahead: timedelta = timedelta(0),
    *,
    only: Collection[str] | None = None,
) -> AsKnown:
    """The rows of a source that were known at the moment, without any value that was not.

    A row known later is left out; but one whose event is no later than `ahead` after the moment stays where the
    contract names columns that are known when the question is asked: it can be the row of an open question.

    Args:
        frame: rows with `event_at` and `known_at`, aware.
        moment: aware.
        ahead: how long before their event questions are asked.
        only: scramble these columns only, to find which one a result depends on; None scrambles all.
    """
    import numpy as np

    late = ~(frame[KNOWN_AT] <= moment)
    opened = late & (frame[EVENT_AT] <= moment + ahead) if knowledge.asked else late & False
    rows = frame[~late | opened].reset_index(drop=True)
    unknown_row = late[~late | opened].to_numpy(dtype=bool)
    # A fixed seed: the same rows read the same in a second run.
    random = np.random.default_rng(20130101)
    scrambled: dict[str, int] = {}
    own_moments = {*knowledge.row_moments, *knowledge.moments.values()}
    for name in rows.columns:
        if name in _PLATFORM or name in knowledge.asked or (only is not None and name not in only):
            continue
        of = knowledge.moments.get(name, name if name in own_moments else None)
        unknown = unknown_row
        if of is not None and of not in knowledge.row_moments and of in rows.columns:
            unknown = ~_reached(rows[of], moment, knowledge.columns.get(of))
        if not unknown.any():
            continue
        values = _later if name in own_moments else _others
        rows[name] = values(rows[name], unknown, moment, random)
        scrambled[name] = int(unknown.sum())
    return AsKnown(rows, scrambled)


def _reached(values: pd.Series, moment: datetime, column: Column | None) -> NDArray[np.bool_]:
    """Which moments are not after `moment`; days end before it. A missing one is not reached.

    column: the contract's; None where the values are moments.
    """
    from sprintline.landing.values import moments

    known = values if column is None else moments(values, column, ended=True)
    return (known <= moment).fillna(False).to_numpy(dtype=bool)


def _later(
    values: pd.Series, unknown: NDArray[np.bool_], moment: datetime, random: np.random.Generator
) -> pd.Series:
    """The moments or days with the unknown ones moved on, so that none is reached by `moment`."""
    import pandas as pd

    found = values.copy()
    steps = random.integers(1, 2880, int(unknown.sum()))
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        after = values[unknown].fillna(pd.Timestamp(moment))
        after = after.where(after > moment, pd.Timestamp(moment))
        found[unknown] = (after + pd.to_timedelta(steps, unit="min")).astype(values.dtype)
    else:
        days = [
            max(day if day == day and day is not None else moment.date(), moment.date())
            + timedelta(days=int(1 + step % 9))
            for day, step in zip(values[unknown], steps, strict=True)
        ]
        found[unknown] = pd.Series(days, index=values.index[unknown], dtype=object)
    return found


def _others(
    values: pd.Series, unknown: NDArray[np.bool_], moment: datetime, random: np.random.Generator
) -> pd.Series:
    """The column with each unknown value replaced: half by another value of the column, half by null."""
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(values)  # -1 for null
    count = len(distinct)
    if not count:  # null throughout: a value of the column's type has to be invented
        distinct, count = _invented(values, moment), 1
    own = codes[unknown]
    other = (own + 1 + random.integers(0, max(1, count - 1), len(own))) % count
    null = (own >= 0) & ((random.random(len(own)) < 0.5) | (count == 1))
    new = codes.copy()
    new[unknown] = np.where(null, -1, other)
    taken = pd.Series(distinct).take(np.where(new < 0, 0, new)).reset_index(drop=True)
    taken = taken.where(new >= 0)
    try:
        return taken.astype(values.dtype).set_axis(values.index)
    except (TypeError, ValueError):  # a type without null, as of a column that never has one
        return taken.set_axis(values.index)


def _invented(values: pd.Series, moment: datetime) -> pd.Index:
    import pandas as pd
    from pandas.api import types

    kind = values.dtype
    if isinstance(kind, pd.DatetimeTZDtype):
        return pd.Index([pd.Timestamp(moment)]).astype(kind)
    if types.is_bool_dtype(kind):
        return pd.Index([True])
    return pd.Index([1]) if types.is_numeric_dtype(kind) else pd.Index(["x"])
