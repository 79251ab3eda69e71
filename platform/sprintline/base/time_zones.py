"""One set of time zone rules for the whole platform: those of the package `tzdata`, whose version the lock file fixes.

A machine's own files, `pytz` behind pandas and DuckDB each have their rules, of different years. Where a law has
changed in between, they answer "which moment is this" an hour apart. So zones are looked up here, never by name in
pandas.
"""

from __future__ import annotations

import os
import zoneinfo
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import version

MACHINES_OWN = "PYTHONTZPATH"


def install() -> None:
    """Let this process and its children read the rules of `tzdata` only, also where they use `zoneinfo` themselves."""
    os.environ[MACHINES_OWN] = ""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """A time zone by its IANA name. Raises zoneinfo.ZoneInfoNotFoundError (a KeyError) for an unknown one."""
    return zoneinfo.ZoneInfo(name)


def midnight(day: date, zone: zoneinfo.ZoneInfo) -> datetime:
    """The moment, in UTC, at which a local day begins. Raises OverflowError outside the years 1 to 9999."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@cache
def rules_version() -> str:
    """The version of the rules, as `2026.6`."""
    return version("tzdata")
