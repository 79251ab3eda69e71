"""Days that files write with a midnight: what is dated so may have become known in the last minute of the day.

A column whose every moment is the start of a day says on which day something was known, not that it was known at 00:00.
A feature that counts it from 00:00 answers a question of 10:00 with what nobody knew then.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sprintline.base.time_zones import midnight, zone_of
from sprintline.landing.contracts import DAY, Column, Contract

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_WHOLE: Final = 15 * 60 * 1_000_000
"""Microseconds of a quarter of an hour: in no zone does a day begin between two of them."""
_DAY = timedelta(days=1)


def day_starts(values: pd.Series, zone: ZoneInfo) -> NDArray[np.bool_]:
    """Which moments are the start of a day, in the zone or in UTC, as many programs write the days of any zone.

    values: datetime64[us, UTC]; a missing one is none.
    """
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(values)
    found = np.zeros(len(distinct) + 1, dtype=bool)  # -1, the last, is a missing one
    for place, micros in enumerate(_micros(distinct)):
        found[place] = micros % _WHOLE == 0 and _end_of(micros, zone) is not None
    return found[codes]


def only_days(values: pd.Series, column: Column) -> bool:
    """Whether every moment of a column is the start of a day, and there is one.

    Cheap where that is not so: most columns of moments have one within the first rows that is none.
    """
    there = values.dropna()
    if there.empty:
        return False
    zone = zone_of(column.timezone)
    return bool(day_starts(there.iloc[:100], zone).all()) and bool(day_starts(there, zone).all())


def read_as_days(values: pd.Series, column: Column) -> bool:
    """Whether a timestamp column has days: as its contract declares, or where it declares nothing, as its values show.

    Without a declaration the later moment is the safe one.
    """
    return only_days(values, column) if column.resolution is None else column.resolution == DAY


def day_ends(values: pd.Series, column: Column) -> pd.Series:
    """The end of the day that each moment starts, DST included; a moment that starts no day stays as it is."""
    import numpy as np
    import pandas as pd

    zone = zone_of(column.timezone)
    codes, distinct = pd.factorize(values)
    ends = [_end_of(micros, zone) or micros for micros in _micros(distinct)]
    found = pd.Series(np.array([*ends, 0], dtype="int64")[codes].astype("datetime64[us]"), index=values.index)
    return found.dt.tz_localize("UTC").mask(codes < 0)


def undeclared_days(frame: pd.DataFrame, contract: Contract) -> list[str]:
    """Columns that say when something was known, have only days in these rows, and do not declare whether they are."""
    moments = {contract.known_at, *(column.known_at for column in contract.columns)}
    return [
        column.name
        for column in contract.columns
        if column.name in moments
        and column.logical_type == "timestamp"
        and column.resolution is None
        and column.name in frame
        and only_days(frame[column.name], column)
    ]


def moment_columns(contract: Contract) -> list[str]:
    """The timestamp columns that may have days and do not declare it: those which `undeclared_days` reads."""
    moments = {contract.known_at, *(column.known_at for column in contract.columns)}
    return [
        column.name
        for column in contract.columns
        if column.name in moments and column.logical_type == "timestamp" and column.resolution is None
    ]


def _micros(distinct: pd.Index) -> list[int]:
    import pandas as pd

    moments = pd.DatetimeIndex(distinct).tz_convert(None).to_numpy().astype("datetime64[us]")
    return [int(one) for one in moments.astype("int64")]


def _end_of(micros: int, zone: ZoneInfo) -> int | None:
    """End of the day that a moment starts, in microseconds since 1970; None when it starts none."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
        local = moment.astimezone(zone).date()
        if midnight(local, zone) == moment:
            end = midnight(local + _DAY, zone)
        elif (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
            end = moment + _DAY
        else:
            return None
    except OverflowError:  # the last day of all years
        return None
    gap = end - datetime(1970, 1, 1, tzinfo=UTC)
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds
