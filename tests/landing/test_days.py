"""A day that is written with a midnight is known at its end, whatever the file's format, DST included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from tests.landing.landed_files import CONTRACT, S01, drop, parquet, refusal

from sprintline.features.knowledge import Knowledge, as_known
from sprintline.landing.contracts import Column, Contract
from sprintline.landing.days import day_ends, day_starts, only_days, undeclared_days
from sprintline.landing.inferred import infer
from sprintline.landing.odcs import parse_contract
from sprintline.mechanisms.declaration.located_yaml import DeclarationError

SALES = """\
apiVersion: v3.1.0
kind: DataContract
id: sales
name: Sales
version: 1.0.0
status: active
description: {purpose: what a shop sold on a day}
schema:
  - name: sales
    properties:
      - {name: shop, logicalType: string, primaryKey: true, primaryKeyPosition: 1, description: d, classification: public}
      - {name: sold_on, logicalType: timestamp, primaryKey: true, primaryKeyPosition: 2, description: d,
         classification: public%s}
      - {name: total, logicalType: number, description: d, classification: public}
customProperties:
  - {property: eventAt, value: sold_on}
  - {property: knownAt, value: sold_on}
  - {property: timezone, value: America/New_York}
"""  # noqa: E501
DAYS = [f"2013-01-{day:02d}" for day in range(1, 15)]
FORMS = {
    "a date": "{}",
    "a local midnight": "{}T00:00:00",
    "a local midnight with seconds of zero": "{} 00:00:00.000",
    "a midnight with its offset": "{}T00:00:00-05:00",
    "a midnight in another zone's words": "{}T05:00:00Z",
}


def contract(resolution: str | None = None) -> Contract:
    said = f", customProperties: [{{property: resolution, value: {resolution}}}]" if resolution else ""
    return parse_contract(SALES % said, "sales.yaml")


def text(form: str, days=DAYS) -> str:
    return "shop,sold_on,total\n" + "".join(f"a,{form.format(day)},{n}\n" for n, day in enumerate(days))


def ends(days=DAYS) -> list[pd.Timestamp]:
    return [pd.Timestamp(day, tz="America/New_York") + pd.DateOffset(days=1) for day in days]


@pytest.mark.parametrize("resolution", [None, "day"])
@pytest.mark.parametrize("form", FORMS)
def test_a_day_in_a_csv_file_is_known_at_its_end_and_happens_at_its_start(landing, form, resolution):
    frame = landing.read(drop(landing, text(FORMS[form])), contract(resolution), S01)
    assert list(frame["known_at"]) == ends()
    assert list(frame["event_at"]) == [end - pd.Timedelta(days=1) for end in ends()]


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_a_day_in_a_parquet_file_is_known_at_its_end(landing, zone):
    moments = pd.to_datetime(pd.Series(DAYS)).dt.tz_localize(zone)
    table = parquet(pd.DataFrame({"shop": "a", "sold_on": moments, "total": np.arange(14.0)}))
    frame = landing.read(drop(landing, table, "2013-S01.parquet"), contract(), S01)
    assert list(frame["known_at"]) == ends()


def test_days_written_as_midnights_in_utc_are_known_at_their_end_there(landing):
    """Many programs write the days of any zone as midnights in UTC: 19:00 of the day before in New York."""
    days = DAYS[1:]
    frame = landing.read(drop(landing, text("{}T00:00:00Z", days)), contract(), S01)
    assert list(frame["known_at"]) == [pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1) for day in days]


@pytest.mark.parametrize("resolution", [None, "moment"])
def test_one_moment_with_a_time_makes_them_moments(landing, resolution):
    rows = text("{}T00:00:00") + "b,2013-01-03T00:00:01,1\n"
    frame = landing.read(drop(landing, rows), contract(resolution), S01)
    assert frame["known_at"].equals(frame["event_at"])


def test_midnights_that_are_declared_as_moments_stay_moments(landing):
    frame = landing.read(drop(landing, text("{}T00:00:00")), contract("moment"), S01)
    assert frame["known_at"].equals(frame["event_at"])


def test_a_moment_with_a_time_in_a_column_of_days_is_refused_with_its_line(landing):
    """The declaration decides, not the file: one file of moments must not be read otherwise than the others."""
    bad = refusal(landing, contract("day"), text("{}T00:00:00") + "b,2013-01-03T10:30:00,1\n")
    assert (
        "line 16, column sold_on" in bad.reason and "has a time, and the contract promises days" in bad.reason
    )
    assert "declare resolution: moment" in bad.reason


@pytest.mark.fault
def test_a_feature_of_a_day_answers_no_question_of_that_day(landing):
    """The leak: what a shop had sold by the evening was known to a question asked at ten in the morning."""
    asked = datetime(2013, 1, 8, 15, tzinfo=UTC)  # ten o'clock in New York
    of_the_day = pd.Timestamp("2013-01-08", tz="America/New_York")
    leaked = landing.read(drop(landing, text("{}T00:00:00")), contract("moment"), S01)
    assert of_the_day in list(as_known(leaked, Knowledge.of(contract("moment")), asked).rows["event_at"])
    for resolution in (None, "day"):
        frame = landing.read(drop(landing, text("{}T00:00:00")), contract(resolution), S01)
        known = as_known(frame, Knowledge.of(contract(resolution)), asked).rows
        assert known["event_at"].max() == of_the_day - pd.Timedelta(days=1)
        evening = as_known(frame, Knowledge.of(contract(resolution)), asked + timedelta(hours=14)).rows
        assert evening["event_at"].max() == of_the_day, "known once the day is over"


@pytest.mark.parametrize("resolution", [None, "day"])
def test_a_column_that_is_known_on_a_day_is_scrambled_until_its_end(resolution):
    paid = (
        pd.to_datetime(pd.Series(["2026-03-01", "2026-03-02"]))
        .dt.tz_localize("Europe/Berlin")
        .dt.tz_convert("UTC")
    )
    frame = pd.DataFrame({"refund": [1.0, 2.0], "paid": paid, "event_at": paid, "known_at": paid})
    column = Column("paid", "timestamp", timezone="Europe/Berlin", resolution=resolution)
    known = Knowledge(moments={"refund": "paid"}, columns={"paid": column})
    noon = datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert as_known(frame, known, noon).scrambled["refund"] == 1
    moments = Knowledge(moments={"refund": "paid"})
    assert "refund" not in as_known(frame, moments, noon).scrambled, "as it was before"


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("America/New_York", "2013-03-10", 23), ("America/New_York", "2013-11-03", 25),
     ("America/New_York", "2013-07-01", 24), ("Australia/Lord_Howe", "2013-10-06", 23.5),
     ("Asia/Kathmandu", "2013-07-01", 24)],
)  # fmt: skip
def test_a_day_is_as_long_as_its_clocks_say(zone, day, hours):
    start = pd.Series([pd.Timestamp(day, tz=zone).tz_convert("UTC")]).astype("datetime64[us, UTC]")
    column = Column("day", "timestamp", timezone=zone)
    assert only_days(start, column)
    assert day_ends(start, column)[0] - start[0] == pd.Timedelta(hours=hours)


def test_a_day_that_begins_at_one_is_a_day():
    """In São Paulo the clocks of 4 November 2018 went from 00:00 to 01:00."""
    start = pd.Series([pd.Timestamp("2018-11-04T03:00:00Z")]).astype("datetime64[us, UTC]")
    assert only_days(start, Column("day", "timestamp", timezone="America/Sao_Paulo"))


def test_missing_and_impossible_moments_are_no_days():
    some = pd.Series([pd.NaT, pd.Timestamp("2013-01-01T05:00Z"), pd.Timestamp("2013-01-01T05:15Z")])
    values = some.astype("datetime64[us, UTC]")
    column = Column("day", "timestamp", timezone="America/New_York")
    from sprintline.base.time_zones import zone_of

    assert list(day_starts(values, zone_of(column.timezone))) == [False, True, False]
    assert pd.isna(day_ends(values, column)[0]) and day_ends(values, column)[2] == values[2]
    assert not only_days(values[:1], column), "nothing is no day"
    last = pd.Series(np.array(["9999-12-31"], dtype="datetime64[us]")).dt.tz_localize("UTC")
    assert not only_days(last, Column("day", "timestamp"))


def test_only_what_says_when_something_was_known_has_to_be_declared(landing):
    frame = landing.read(drop(landing, text("{}T00:00:00")), contract(), S01)
    assert undeclared_days(frame, contract()) == ["sold_on"]
    assert undeclared_days(frame, contract("day")) == undeclared_days(frame, contract("moment")) == []
    other = parse_contract(CONTRACT, "bookings.yaml")
    assert undeclared_days(pd.DataFrame({"booked_at": frame["known_at"]}), other) == ["booked_at"]


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ("[{property: resolution, value: days}]", "did you mean `day`?"),
        ("[{property: resolution}]", "use one of: day, moment"),
    ],
)  # fmt: skip
def test_a_resolution_that_is_none_is_refused(properties, told):
    with pytest.raises(DeclarationError) as refused:
        parse_contract(SALES % f", customProperties: {properties}", "sales.yaml")
    assert told in str(refused.value) and "sales.yaml:13" in str(refused.value)


def test_a_resolution_of_a_number_is_refused():
    text = (
        SALES.replace(
            "{name: total,", "{name: total, customProperties: [{property: resolution, value: day}],"
        )
        % ""
    )
    with pytest.raises(DeclarationError, match="is only for timestamps, and this is a number"):
        parse_contract(text, "sales.yaml")


@pytest.mark.parametrize(("extra", "resolution"), [("", "day"), ("b,2013-01-03T00:00:01,1\n", "moment")])
def test_a_new_contract_says_what_its_midnights_are(tmp_path, extra, resolution):
    file = tmp_path / "sales.csv"
    file.write_text(text("{}T00:00:00") + extra)
    columns, _ = infer(file, "America/New_York", keys=("shop",), moments=("sold_on",))
    (sold,) = [one for one in columns if one.name == "sold_on"]
    assert (sold.kind, sold.resolution) == ("timestamp", resolution)
    told = "every value is a midnight, so it is a day and known at its end"
    assert (sold.note or "").startswith(told) == (resolution == "day")
