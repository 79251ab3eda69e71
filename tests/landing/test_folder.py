"""The landing: real files, good ones read back exactly, bad ones refused with a place and a fix, none taken silently."""
# ruff: noqa: E501 - the tables of mistakes are read row by row

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.landing.landed_files import (
    CONTRACT,
    GOOD,
    HEADER,
    ROWS,
    S01,
    drop,
    parquet,
    refusal,
    typed_frame,
)

from sprintline.landing.folder import (
    BadFile,
)
from sprintline.landing.odcs import parse_contract
from sprintline.mechanisms.declaration.located_yaml import DeclarationError


def in_far_years(name: str, values: pa.Array) -> pa.Table:
    table = pa.Table.from_pandas(typed_frame(), preserve_index=False)
    return table.set_column(table.column_names.index(name), name, values)


# --- good files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_good_csv_is_read_as_its_contract_says(landing, contract, bom, end, packed) -> None:
    data = (bom + GOOD.replace("\n", end)).encode()
    name = "2013-S01.csv.gz" if packed else "2013-S01.csv"
    frame = landing.read(drop(landing, gzip.compress(data) if packed else data, name), contract, S01)
    assert list(frame.columns) == [*HEADER.split(","), "event_at", "known_at"]
    assert frame["flight"].tolist() == [1, 2, 1, 4]
    assert frame["booked_at"].dtype == "datetime64[us, UTC]"
    assert frame["booked_at"].map(str).tolist() == [
        "2013-01-01 05:00:00+00:00", "2013-01-02 15:30:00+00:00", "2013-01-03 17:00:00+00:00",
        "2013-01-14 23:59:59.123456+00:00",
    ]  # fmt: skip
    assert frame["fare"].tolist()[:1] == [120.5] and np.isnan(frame["fare"][1])
    assert frame["birthday"].tolist() == [date(1980, 2, 29), None, date(1999, 12, 31), None]
    assert frame["first_time"].isna().tolist() == [False, True, False, False]
    assert frame["email"][2] == 'bob "b" b, jr@example.org'
    assert frame.attrs == {
        "file": name,
        "sha256": hashlib.sha256((landing.folder("care", "bookings") / name).read_bytes()).hexdigest(),
    }
    assert (frame["event_at"] == frame["booked_at"]).all()


def test_na_is_not_known_in_numbers_and_a_value_in_text(landing, contract) -> None:
    rows = f"{HEADER}\n1,NA,2013-01-01T05:00:00Z,NA,NA,NA,\n"
    frame = landing.read(drop(landing, rows), contract)
    assert frame["carrier"].tolist() == ["NA"]
    assert frame[["fare", "birthday", "first_time", "email"]].isna().all(axis=None)
    with pytest.raises(BadFile, match=r"column email: the value .hidden. breaks the contract"):
        landing.read(drop(landing, rows.replace("NA,\n", "NA,NA\n")), contract)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_words_for_not_known_are_those_of_the_column(landing, form) -> None:
    words = "customProperties: [{property: notKnown, value: [none, -1e300]}], classification: "
    text = CONTRACT.replace("description: US dollars, classification: ", f"description: US dollars, {words}")
    text = text.replace("description: address, classification: ", f"description: address, {words}")
    contract = parse_contract(text, "b")
    rows = f"{HEADER}\n1,AA,2013-01-01T05:00:00Z,-1e300,NA,NA,none\n"
    frame = typed_frame().assign(fare=-1e300, email="none", birthday=None)
    data = parquet(frame) if form == "parquet" else rows
    frame = landing.read(drop(landing, data, f"2013-S01.{form}"), contract)
    assert frame[["fare", "email"]].isna().all(axis=None)
    with pytest.raises(BadFile, match="column fare: 'NA' is not a number"):
        landing.read(drop(landing, rows.replace("-1e300", "NA"), "2013-S02.csv"), contract)


@pytest.mark.parametrize("said", ["none", "[1]", '[""]', "{a: b}"])
def test_words_for_not_known_are_a_list_of_words(said) -> None:
    text = CONTRACT.replace(
        "description: US dollars,",
        f"description: US dollars, customProperties: [{{property: notKnown, value: {said}}}],",
    )
    with pytest.raises(DeclarationError, match=r'is not a list of words; write \["N/A", "-"\]'):
        parse_contract(text, "b")


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_may_be_long_and_an_open_quotation_mark_before_one_is_still_found(
    landing, contract, quote
) -> None:
    text = CONTRACT.replace(', logicalTypeOptions: {pattern: "^[^@]+@[^@]+$", maxLength: 60}', "").replace(
        ',\n         logicalTypeOptions: {pattern: "^[^@]+@[^@]+$", maxLength: 60}', ""
    )
    long = "x" * 200_000
    row = f"1,AA,2013-01-01T05:00:00Z,1,,,{quote}{long}{quote}\n"
    frame = landing.read(drop(landing, f"{HEADER}\n{row}"), parse_contract(text, "b"), S01)
    assert len(frame["email"][0]) == 200_000
    never_closed = f'{HEADER}\n1,AA,2013-01-01T05:00:00Z,1,,,"{long}\n'
    with pytest.raises(BadFile, match="a quotation mark opened in line 2 is never closed"):
        landing.read(drop(landing, never_closed, "2013-S02.csv"), parse_contract(text, "b"))


def test_columns_may_come_in_any_order_and_the_last_line_end_may_be_missing(landing, contract) -> None:
    shuffled = pd.read_csv(io.StringIO(GOOD), dtype=str, keep_default_na=False)[HEADER.split(",")[::-1]]
    frame = landing.read(drop(landing, shuffled.to_csv(index=False).rstrip("\n")), contract, S01)
    assert list(frame.columns)[:7] == HEADER.split(",")


def test_several_gzip_members_and_their_padding_are_one_file(landing, contract) -> None:
    half = len(GOOD) // 2
    data = gzip.compress(GOOD[:half].encode()) + gzip.compress(GOOD[half:].encode()) + b"\0" * 40
    assert len(landing.read(drop(landing, data, "2013-S01.csv.gz"), contract, S01)) == 4


rows_of_frames = st.lists(
    st.tuples(
        st.integers(1, 9999),
        st.sampled_from(["AA", "UA", "B6", "NA"]),
        st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
        st.none() | st.floats(0, 1e12, allow_nan=False),
        st.none() | st.dates(date(1800, 1, 1), date(2999, 1, 1)),
        st.none() | st.booleans(),
        st.none()
        | st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).map(
            lambda name: f'{name.replace("@", "")}x@"a, b"'
        ),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)


@pytest.mark.parametrize("form", [".csv", ".csv.gz", ".parquet"])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=rows_of_frames)
def test_good_frames_come_back_as_they_went(landing, contract, form, rows) -> None:
    frame = pd.DataFrame(rows, columns=HEADER.split(","))
    frame["booked_at"] = pd.Series(frame["booked_at"].to_numpy("datetime64[us]")).dt.tz_localize("UTC")
    frame = frame.astype(
        {
            "flight": "Int64",
            "carrier": "string",
            "fare": "float64",
            "first_time": "boolean",
            "email": "string",
        }
    )
    frame["birthday"] = frame["birthday"].astype(object).where(frame["birthday"].notna(), None)
    if form == ".parquet":
        data = parquet(frame)
    else:
        text = frame.assign(booked_at=frame["booked_at"].map(lambda at: at.isoformat())).to_csv(index=False)
        data = gzip.compress(text.encode()) if form == ".csv.gz" else text.encode()
    back = landing.read(drop(landing, data, f"2013-S01{form}"), contract)
    (landing.folder("care", "bookings") / f"2013-S01{form}").unlink()
    pd.testing.assert_frame_equal(back[frame.columns.tolist()], frame)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_parquet_moments_of_every_unit_become_microseconds_in_utc(landing, contract, unit, zone) -> None:
    frame = typed_frame()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    local = pd.Series(pd.to_datetime(["2013-01-01T00:00", "2013-01-02T10:30"])).astype("datetime64[us]")
    moments = (
        pa.array(local).cast(pa.timestamp(unit))
        if zone is None
        else pa.array(frame["booked_at"]).cast(pa.timestamp(unit, zone))
    )
    table = table.set_column(2, "booked_at", moments)
    back = landing.read(drop(landing, parquet(table), "2013-S01.parquet"), contract, S01)
    assert back["booked_at"].tolist() == frame["booked_at"].tolist()


def test_parquet_types_that_lose_nothing_are_taken(landing, contract) -> None:
    table = pa.Table.from_pandas(typed_frame(), preserve_index=False)
    table = table.set_column(0, "flight", pa.array([1.0, 2.0]))  # pandas makes whole numbers with gaps floats
    table = table.set_column(1, "carrier", pa.array(["AA", "UA"]).dictionary_encode())
    table = table.set_column(3, "fare", pa.array([120, None], pa.int16()))
    table = table.set_column(4, "birthday", pa.nulls(2))
    back = landing.read(drop(landing, parquet(table), "2013-S01.parquet"), contract, S01)
    assert back["flight"].tolist() == [1, 2] and str(back["flight"].dtype) == "Int64"
    assert back["carrier"].tolist() == ["AA", "UA"]
    assert back["birthday"].tolist() == [None, None]


# --- bad files, one by one ------------------------------------------------------------------------------------------


def swap(old: str, new: str) -> Callable[[str], str]:
    def changed(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return changed


# (what is done to the good file, code, words in the reason: the place, what is there, what would be right)
BAD_CSV = [
    (lambda _: "", "empty", ["0 bytes", "send"]),
    (lambda _: "\n\n", "empty", ["only empty lines"]),
    (lambda _: HEADER + "\n", "header_only", ["a header but no rows"]),
    (lambda _: HEADER, "header_only", ["a header but no rows"]),
    (lambda text: text.split("\n", 1)[1], "no_header", ["line 1", "start with the header flight, carrier"]),
    (swap("carrier", "carier"), "misspelled_column", ["line 1", "'carier'", "did you mean 'carrier'?"]),
    (swap(HEADER, HEADER.upper()), "misspelled_column", ["'FLIGHT'", "did you mean 'flight'?"]),
    (swap("flight,carrier", "flight,Gate"), "extra_column", ["'Gate' is not in the contract", "add it to the contract"]),
    (swap("flight,carrier", "flight,Gate"), "missing_column", ["line 1", "'carrier' is missing", "add it"]),
    (swap("flight,carrier", "flight,flight"), "duplicate_column", ["line 1", "'flight' appears 2 times", "keep one"]),
    (lambda text: text.replace(",", ";"), "delimiter", ["semicolons", "commas"]),
    (lambda text: text.replace(",", "\t"), "delimiter", ["tabs", "commas"]),
    (swap("1,AA,", "1,AA,extra,"), "ragged", ["line 2", "expected 7 fields", "has 8", "quotes"]),
    (swap("\n2,UA,", "\n2,"), "ragged", ["line 3", "expected 7 fields", "has 6"]),
    (swap("\n2,UA,", "\n\n2,UA,"), "ragged", ["line 3 is empty", "remove it"]),
    (lambda text: text[: text.index("4,B6") + 20], "csv_truncated", ["cut off", "line 5, its last", "send it again"]),
    (lambda text: text[: text.index("jr@")], "unclosed_quote", ["line 4", "never closed", "send the file again"]),
    (swap("120.5", '"120.5'), "unclosed_quote", ["line 2", "not closed", "line 4"]),
    (swap('""b"" b', '"b" b'), "quoting", ["line 4", "double the marks"]),
    (swap("1,AA", "one,AA"), "type", ["line 2, column flight", "'one' is not a whole number", "for example 12"]),
    (swap("1,AA", "1.5,AA"), "type", ["line 2, column flight", "'1.5' is not a whole number"]),
    (swap("1,AA", "99999999999999999999,AA"), "type", ["line 2, column flight", "64 bits"]),
    (swap("1,AA", "１,AA"), "type", ["line 2, column flight", "is not a whole number"]),
    (swap("1,AA", " 1,AA"), "type", ["line 2, column flight", "' 1' is not a whole number"]),
    (swap("120.5", "$120"), "type", ["line 2, column fare", "'$120' is not a number", "3.5"]),
    (swap("120.5", "nan"), "type", ["line 2, column fare", "'nan' is not a number"]),
    (swap("120.5", "1e999"), "type", ["line 2, column fare", "too large"]),
    (swap("120.5", "3.5e38"), "type", ["line 2, column fare", "beyond 3.4e38", "a model can read"]),
    (swap("120.5", "1e99999"), "type", ["line 2, column fare", "too large"]),
    (swap("1,AA", "9" * 5000 + ",AA"), "type", ["line 2, column flight", "too large for a whole number"]),
    (swap("1980-02-29", "0000-02-29"), "type", ["line 2, column birthday", "outside the years 1 to 9999"]),
    (swap("2013-01-01T05:00:00Z", "9999-12-31T23:59:59-05:00"), "type", ["line 2", "outside the years 1 to 9999"]),
    (swap("2013-01-01T05:00:00Z", "2013-01-01T24:00:00Z"), "type", ["line 2", "hour must be in 0..23"]),
    (swap("120.5", '"120,5"'), "type", ["line 2, column fare", "decimal point"]),
    (swap("true", "yes"), "type", ["line 2, column first_time", "expected true or false"]),
    (swap("2013-01-01T05:00:00Z", "1/1/2013 5:00"), "type", ["line 2, column booked_at", "2013-01-31T17:30:00Z"]),
    (swap("2013-01-01T05:00:00Z", "2013-02-30T05:00:00Z"), "type", ["line 2, column booked_at", "is not a moment (day is out of range for month)"]),
    (swap("2013-01-03 12:00:00", "2013-03-10 02:30:00"), "type", ["line 4", "does not exist in America/New_York", "UTC"]),
    (swap("2013-01-03 12:00:00", "2013-11-03 01:30:00"), "type", ["line 4", "happened twice in America/New_York"]),
    (swap("1,AA", "0,AA"), "range", ["line 2, column flight", "'0' breaks the contract", "must be at least 1"]),
    (swap("4,B6", "10000,B6"), "range", ["line 5, column flight", "must be at most 9999"]),
    (swap("120.5", "-1"), "range", ["line 2, column fare", "must be at least 0"]),
    (swap("1,AA", "1,ZZ"), "enum", ["line 2, column carrier", "'ZZ'", "must be one of AA, UA, B6, NA"]),
    (swap("1,AA", ",AA"), "null", ["line 2, column flight: empty", "every row needs a value"]),
    (swap("2013-01-01T05:00:00Z", "NA"), "null", ["line 2, column booked_at: empty"]),
    (swap("1,UA", "2,UA"), "duplicate_key", ["carrier + flight is not unique", "lines 3 and 4", "flight '2'", "keep one"]),
    (swap("2013-01-01T05:00:00Z", "2013-01-01T04:59:59Z"), "window", ["1 of 4 rows", "sprint 2013-S01", "first line 2"]),
    (swap("2013-01-14T23:59:59.123456Z", "2013-01-15T05:00:00Z"), "window", ["first line 5", "2013-01-15 05:00"]),
    (lambda text: text.replace("2013-01", "2014-01"), "window", ["4 of 4 rows", "another sprint?"]),
    (swap("120.5", "12\x010.5"), "control_character", ["line 2", "0x01", "remove it"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "words"), BAD_CSV, ids=[f"{c[1]}-{i}" for i, c in enumerate(BAD_CSV)]
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_csv_is_refused_with_place_and_mend(landing, contract, change, code, words, packed) -> None:
    text = change(GOOD)
    data = gzip.compress(text.encode()) if packed else text.encode()
    bad = refusal(landing, contract, data, "2013-S01.csv.gz" if packed else "2013-S01.csv")
    assert code in [finding["code"] for finding in bad.details["findings"]]
    told = [word for word in words if not (packed and word == "0 bytes")]
    assert [word for word in told if word not in bad.reason] == [], bad.reason
    assert "; " in bad.reason


BAD_BYTES = [
    ("2013-S01.csv", lambda text: text.replace("ann@", "änn@").encode("latin-1"), "encoding", ["line 2", "0xe4", "UTF-8"]),
    ("2013-S01.csv", lambda text: text.encode("utf-16"), "not_csv", ["UTF-16", "UTF-8"]),
    ("2013-S01.csv", lambda text: text.encode("utf-16-le"), "nul_byte", ["line 1", "byte 1", "UTF-8"]),
    ("2013-S01.csv", lambda text: text.encode().replace(b"120.5", b"12\x00.5"), "nul_byte", ["line 2 contains a NUL byte"]),
    ("2013-S01.csv", lambda text: gzip.compress(text.encode()), "not_csv", ["packed with gzip", "name it .csv.gz"]),
    ("2013-S01.csv", lambda text: parquet(typed_frame()), "not_csv", ["the file is Parquet", ".parquet"]),
    ("2013-S01.csv", lambda text: b"PK\x03\x04" + b"x" * 50, "not_csv", ["Excel", "export it as CSV"]),
    ("2013-S01.csv.gz", lambda text: text.encode(), "not_gzip", ["not packed", "name an unpacked file .csv"]),
    ("2013-S01.csv.gz", lambda text: gzip.compress(text.encode())[:-1], "gzip_truncated", ["cut off", "send it again"]),
    ("2013-S01.csv.gz", lambda text: gzip.compress(text.encode())[:40], "gzip_truncated", ["cut off", "send it again"]),
    ("2013-S01.csv.gz", lambda text: gzip.compress(text.encode())[:5], "gzip_truncated", ["cut off", "send it again"]),
    ("2013-S01.csv.gz", lambda text: gzip.compress(text.encode()) + b"tail", "gzip_damaged", ["4 bytes", "send it again"]),
    ("2013-S01.csv.gz", lambda text: gzip.compress(b""), "empty", ["empty once unpacked"]),
    ("2013-S01.csv.gz", lambda text: b"", "empty", ["0 bytes"]),
    ("2013-S01.parquet", lambda text: b"", "empty", ["0 bytes"]),
    ("2013-S01.parquet", lambda text: text.encode(), "not_parquet", ["is not Parquet", ".csv"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame())[:-1], "parquet_truncated", ["cut off", "send it again"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame())[:9], "parquet_truncated", ["cut off"]),
    ("2013-S01.parquet", lambda text: b"PAR1" + b"\xff" * 40 + b"PAR1", "parquet_damaged", ["damaged", "send it again"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().head(0)), "header_only", ["columns but no rows"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().drop(columns="fare")), "missing_column", ["'fare' is missing"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(x=1)), "extra_column", ["'x' is not in the contract"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().rename(columns={"fare": "fares"})), "misspelled_column",
     ["the schema", "did you mean 'fare'?"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().astype({"flight": str})), "type",
     ["column flight", "has type string", "write it as int64"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(flight=[1.0, 2.5])), "type", ["row 2, column flight"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(fare=[1.0, np.inf])), "type", ["row 2, column fare"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(fare=[1.0, 1e300])), "type",
     ["row 2, column fare", "beyond 3.4e38"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(fare=[1, 2**53 + 1])), "type",
     ["row 2, column fare", "more digits than a double keeps"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(fare=[Decimal("0.5"), Decimal("0.12345678901234567890")])),
     "type", ["row 2, column fare", "more digits than a double keeps"]),
    ("2013-S01.parquet", lambda text: parquet(in_far_years("carrier", pa.array([b"AA", b"\xff"]).view(pa.string()))),
     "encoding", ["text that is not UTF-8", "write its texts in UTF-8"]),
    ("2013-S01.parquet", lambda text: parquet(in_far_years("birthday", pa.array([0, 4_000_000], pa.int32()).cast(pa.date32()))),
     "type", ["row 2, column birthday", "outside the years 1 to 9999"]),
    ("2013-S01.parquet", lambda text: parquet(in_far_years("booked_at", pa.array([0, 2**62], pa.timestamp("us", "UTC")))),
     "type", ["row 2, column booked_at", "outside the years 1 to 9999"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(flight=[1, 1], carrier="AA")), "duplicate_key",
     ["rows 1 and 2"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(flight=[None, 2])), "null", ["row 1, column flight"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(
        booked_at=pd.to_datetime(["2013-11-03T01:30", "2013-01-02T10:30"]))), "type", ["row 1, column booked_at", "UTC"]),
    ("2013-S01.parquet", lambda text: parquet(typed_frame().assign(
        booked_at=pd.to_datetime(["2013-02-03T01:30Z", "2013-01-02T10:30Z"]))), "window", ["1 of 2 rows", "first row 1"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "code", "words"), BAD_BYTES, ids=[f"{c[2]}-{i}" for i, c in enumerate(BAD_BYTES)]
)
def test_a_bad_file_is_refused_with_place_and_mend(landing, contract, name, make, code, words) -> None:
    bad = refusal(landing, contract, make(GOOD), name)
    assert code in [finding["code"] for finding in bad.details["findings"]]
    assert [word for word in words if word not in bad.reason] == [], bad.reason


def test_a_file_that_unpacks_without_end_is_refused(landing, contract, monkeypatch) -> None:
    monkeypatch.setattr("sprintline.landing.delimited.MOST_BYTES", 1_000_000)
    bad = refusal(landing, contract, gzip.compress(b"0" * 50_000_000), "2013-S01.csv.gz")
    assert bad.details["findings"][0]["code"] == "too_large"


def test_all_mistakes_of_the_values_are_told_at_once_and_briefly(landing, contract) -> None:
    rows = [f"{-n},ZZ,2012-01-01T00:00:00Z,x{n},soon,maybe,nobody" for n in range(1, 5001)]
    bad = refusal(landing, contract, "\n".join([HEADER, *rows, *ROWS]) + "\n")
    codes = {(finding["code"], finding.get("column")) for finding in bad.details["findings"]}
    assert {("range", "flight"), ("enum", "carrier"), ("type", "fare"), ("type", "birthday"), ("type", "first_time"),
            ("pattern", "email"), ("window", "event_at")} <= codes  # fmt: skip
    assert len(bad.reason) < 3000
    assert "and 4,995 more" in bad.reason
    counted = next(finding for finding in bad.details["findings"] if finding.get("column") == "fare")
    assert counted["count"] == 5000 and counted["lines"] == [2, 3, 4, 5, 6]


def test_values_of_personal_columns_are_never_told(landing, contract) -> None:
    secret = "erika.mustermann"
    for text in (
        GOOD.replace("ann@example.org", secret),
        GOOD.replace("1980-02-29", secret),
        GOOD.replace("120.5,", f"120.5,{secret},"),
        GOOD.replace("ann@example.org", f'"{secret}" x'),
        GOOD.replace("ann@example.org", f'"{secret}'),
        GOOD.split("\n", 1)[1].replace("ann@example.org", secret),
    ):
        bad = refusal(landing, contract, text)
        assert secret not in bad.reason + json.dumps(bad.details)
    keyed = parse_contract(
        CONTRACT.replace(
            "description: address, classification: personal,",
            "description: a, classification: personal, unique: true,",
        ),
        "b",
    )
    bad = refusal(landing, keyed, GOOD.replace(",0,,0,", ",0,,0,ann@example.org"))
    assert "email (hidden)" in bad.reason and "ann@" not in bad.reason


def test_lines_are_the_files_lines_also_after_a_field_with_line_breaks(landing, contract) -> None:
    text = GOOD.replace("ann@example.org", '"ann\nann@example.org"').replace("4,B6", "0,B6")
    assert "line 6, column flight" in refusal(landing, contract, text).reason
