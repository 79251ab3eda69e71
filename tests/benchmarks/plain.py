"""The baseline of the benchmark: the year of flights as far as features, with no platform around it.

One script as an analyst would write it: read the package's files into DuckDB, one query for a crude feature table, one
frame. Prints the seconds of each stage as JSON.
"""

from __future__ import annotations

import json
import tempfile
import time
import zipfile
from pathlib import Path

import duckdb

from products.flight_delays.sources import _data

DELAYS = """
    avg(dep_delay) over (
        partition by {key} order by at_hour range between interval {back} preceding and interval {gap} preceding
    ) as {name}
"""
FEATURES = ",".join(
    DELAYS.format(key=key, back=back, gap=gap, name=name)
    for key, back, gap, name in (
        ("carrier", "7 day", "1 day", "carrier_week"),
        ("dest", "7 day", "1 day", "destination_week"),
        ("f.origin", "1 day", "3 hour", "origin_day"),
    )
)
QUERY = f"""
    with f as (select *, cast(time_hour as timestamp) as at_hour from flights),
    w as (select *, cast(time_hour as timestamp) as hour_of from weather)
    select f.*, w.temp, w.wind_speed, w.precip, w.visib, w.pressure, w.humid, p.seats, p.year as built,
        {FEATURES}, arr_delay > 15 as late
    from f
    left join w on w.origin = f.origin and w.hour_of = f.at_hour
    left join planes as p on p.tailnum = f.tailnum
    where arr_delay is not null
"""


def main() -> None:
    """Run the stages once."""
    seconds, begun = {}, time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal begun
        seconds[stage], begun = time.perf_counter() - begun, time.perf_counter()

    connection = duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(_data("flights.csv.zip")).extractall(folder)
        files = {
            "flights": Path(folder) / "flights.csv",
            "weather": _data("weather.csv"),
            "planes": _data("planes.csv"),
        }
        for table, file in files.items():
            connection.execute(f"create table {table} as from read_csv('{file}', nullstr = ['NA', ''])")
    lap("load")
    frame = connection.execute(QUERY).df()
    lap("features")
    for name in ("carrier", "origin", "dest"):
        frame[name] = frame[name].astype("category")
    lap("frame")
    print(json.dumps({**seconds, "rows": len(frame)}))


if __name__ == "__main__":
    main()
