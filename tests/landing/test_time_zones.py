"""A local reading is one moment, whatever the file's form, and a day lies in its own sprint."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from tests.landing.landed_files import CONTRACT, HEADER, drop, parquet, typed_frame

from sprintline.landing.odcs import parse_contract
from sprintline.product.calendar import Calendar

ZONE = "America/Vancouver"
"""From 1 November 2026 on, its clocks stay an hour ahead of what machines of 2025 expect."""
TEXT = CONTRACT.replace("America/New_York", ZONE).replace("birthday, logicalType: date, description: born", "birthday, "
                        "logicalType: date, required: true, description: born")  # fmt: skip


def test_csv_and_parquet_tell_the_same_moment(landing) -> None:
    noons = [datetime(2026, 10, 20, 12), datetime(2026, 11, 3, 12)]
    contract = parse_contract(TEXT, "b")
    rows = "".join(f"{n},AA,{noon},1,2026-11-01,true,\n" for n, noon in enumerate(noons, 1))
    table = pa.Table.from_pandas(typed_frame().assign(birthday=date(2026, 11, 1)), preserve_index=False)
    table = table.set_column(2, "booked_at", pa.array(noons))
    csv = landing.read(drop(landing, f"{HEADER}\n{rows}"), contract)
    other = landing.read(drop(landing, parquet(table), "2013-S02.parquet"), contract)
    assert csv["event_at"].tolist() == other["event_at"].tolist()
    assert csv["event_at"].tolist() == [
        datetime(2026, 10, 20, 19, tzinfo=UTC),
        datetime(2026, 11, 3, 19, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "zone", [ZONE, "America/Edmonton", "Africa/Casablanca", "America/Santiago", "Asia/Gaza"]
)
def test_the_days_of_a_sprint_lie_in_it(landing, zone) -> None:
    text = TEXT.replace(ZONE, zone).replace("eventAt, value: booked_at", "eventAt, value: birthday")
    calendar = Calendar(date(2026, 3, 2), 7, zone, date(2027, 3, 1))
    for window in calendar.sprints:
        days = [date.fromordinal(date(2026, 3, 2).toordinal() + window.index * 7 + n) for n in range(7)]
        rows = "".join(f"{n},AA,2026-01-01T00:00:00Z,1,{day},true,\n" for n, day in enumerate(days, 1))
        drop(landing, f"{HEADER}\n{rows}", f"{window.key}.csv")
        file = landing.scan("care", "bookings").files[window.key]
        assert len(landing.read(file, parse_contract(text, "b"), window)) == 7, window
