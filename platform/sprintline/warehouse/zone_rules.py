"""Whether DuckDB and pandas know the same time zone rules as the platform (`base/time_zones.py`).

DuckDB has its own, compiled into it, and SQL cannot be given others; pandas takes pytz's where code names a zone by
text. Both are of the lock's versions, so they agree unless somebody upgrades one of them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

from sprintline.base.time_zones import zone_of


def differences(zone: str, first: date, last: date) -> dict[str, datetime]:
    """The first full hour, from one day to another, at which a library's clock in a zone differs from the platform's.

    Returns:
        The moment by the library's name; empty where all agree.
    """
    import duckdb
    import numpy as np
    import pandas as pd

    begin, end = (datetime.combine(day, time(), UTC) for day in (first, last))
    hours = [begin + timedelta(hours=n) for n in range(int((end - begin) / timedelta(hours=1)) + 1)]
    rules = zone_of(zone)
    here = np.array(
        [moment.astimezone(rules).replace(tzinfo=None) for moment in hours], dtype="datetime64[us]"
    )
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        query = (
            "select timezone(?, hour) as local from range(?, ?, interval 1 hour) as hours(hour) order by hour"
        )
        warehouse = connection.execute(query, [zone, begin, end + timedelta(hours=1)]).df()["local"]
    clocks = {
        "DuckDB": warehouse.to_numpy(),
        "pandas (pytz)": pd.DatetimeIndex(hours).tz_convert(zone).tz_localize(None).to_numpy(),
    }
    return dict(_first(clocks, here, hours))


def _first(
    clocks: Mapping[str, object], here: object, hours: list[datetime]
) -> Iterator[tuple[str, datetime]]:
    import numpy as np

    for library, clock in clocks.items():
        other = np.flatnonzero(np.asarray(clock).astype("datetime64[us]") != here)
        if len(other):
            yield library, hours[int(other[0])]
