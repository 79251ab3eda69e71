"""Every place that asks for a time zone gets the same rules, of the locked version."""

from __future__ import annotations

import os
import subprocess
import sys
import zoneinfo
from datetime import UTC, date, datetime, timedelta

import pytz
import tzdata

from sprintline.base.time_zones import midnight, rules_version, zone_of


def test_zones_come_from_the_locked_package_not_from_the_machine(tmp_path) -> None:
    """A machine whose own file calls New York UTC: the platform does not read it, nor does a child process."""
    (tmp_path / "America").mkdir()
    source = "from importlib.resources import files; print(files('tzdata.zoneinfo').joinpath('UTC').read_bytes().hex())"
    content = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "America/New_York").write_bytes(bytes.fromhex(content.strip()))
    asks = (
        "import sys\nif sys.argv[1:]: import sprintline\n"
        "import zoneinfo, datetime\n"
        "print(datetime.datetime(2026, 12, 1, tzinfo=zoneinfo.ZoneInfo('America/New_York')).utcoffset())"
    )
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path)}
    told = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", asks, *more],
            env=environment,
            capture_output=True,
            text=True,
        )
        for more in ([], ["x"])
    ]
    assert [one.stdout.strip() for one in told] == ["0:00:00", "-1 day, 19:00:00"]
    assert zoneinfo.TZPATH == () and os.environ["PYTHONTZPATH"] == ""


def test_the_lock_gives_pandas_the_same_rules() -> None:
    assert rules_version() == tzdata.__version__
    assert pytz.OLSON_VERSION == tzdata.IANA_VERSION, "lock pytz and tzdata at the same release"


def test_a_day_begins_at_the_local_midnight_or_as_soon_as_it_exists() -> None:
    assert midnight(date(2026, 6, 1), zone_of("Europe/Berlin")) == datetime(2026, 5, 31, 22, tzinfo=UTC)
    # In Santiago the clock jumps from 24:00 to 1:00.
    skipped = midnight(date(2026, 9, 6), zone_of("America/Santiago"))
    assert skipped.astimezone(zone_of("America/Santiago")).hour == 1
    assert skipped - midnight(date(2026, 9, 5), zone_of("America/Santiago")) == timedelta(days=1)
