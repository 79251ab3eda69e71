"""SQL, pandas and the platform tell the same clock, and where one does not, `check` says so."""

from __future__ import annotations

from datetime import date

import pytest

from sprintline.base import time_zones
from sprintline.warehouse.zone_rules import differences


@pytest.mark.parametrize(
    "name", ["America/Vancouver", "America/Edmonton", "America/Winnipeg", "Africa/Casablanca"]
)
def test_pandas_and_the_warehouse_agree_where_a_law_changed(name) -> None:
    assert differences(name, date(2026, 1, 1), date(2027, 12, 31)) == {}


def test_a_library_with_other_rules_is_named_with_the_first_moment(monkeypatch) -> None:
    monkeypatch.setattr(
        "sprintline.warehouse.zone_rules.zone_of", lambda _: time_zones.zone_of("America/Phoenix")
    )
    found = differences("America/Denver", date(2026, 3, 1), date(2026, 4, 1))
    assert {library: f"{moment:%Y-%m-%d %H:%M}" for library, moment in found.items()} == {
        "DuckDB": "2026-03-08 09:00", "pandas (pytz)": "2026-03-08 09:00",
    }  # fmt: skip
