"""Columns inferred from a file: alike from every form, with reasons, refused by name where no contract can be."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.scaffold.own_files import N, rows

from sprintline.landing.inferred import InferenceError, infer


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_types_are_inferred_alike_from_every_form(tmp_path, form):
    file = tmp_path / f"tickets.{form}"
    rows().to_parquet(file) if form == "parquet" else rows().to_csv(file, index=False)
    columns, frame = infer(file, "Europe/Berlin")
    assert {column.sql: column.kind for column in columns} == {
        "ticket": "string", "opened": "timestamp", "closed": "timestamp", "order_": "integer", "group_": "string",
        "price": "number", "vip": "boolean", "note": "string", "hours": "integer",
    }  # fmt: skip
    assert frame["ticket"][7] == "000007", "a leading zero is lost"
    assert frame["order_"][1] == 2**60 + 1, "a digit is lost"
    assert not next(column for column in columns if column.sql == "note").required
    assert str(frame["opened"][0]) == "2026-03-25 07:00:00+00:00"


def test_local_moments_that_happened_twice_are_no_moments(tmp_path):
    file = tmp_path / "meters.csv"
    file.write_text("at\n2026-10-25T01:30\n2026-10-25T02:30\n")
    (column,) = infer(file, "Europe/Berlin")[0]
    assert column.kind == "string" and "happened twice in Europe/Berlin" in column.why


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "the file is empty"), (b"a,b\n", "no rows"), (b"a,b,\n1,2,\n", "column 3 of 3 has no name"),
     (b"a,b,a\n1,2,3\n", "'a' appears 2 times"), (b"a;b\n1,5;2\n", "separated by semicolons"),
     (b"PK\x03\x04rest", "a zip archive"), ("a,b\n1,2\n".encode("utf-16"), "text in UTF-16"),
     (b"a,b\n1,2,3\n", "expected 2 fields"), ("a\nö\n".encode("latin-1"), "not UTF-8"),
     (b'a,b\n1,"x\n', "never closed")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(tmp_path, content, told):
    file = tmp_path / "own.csv"
    file.write_bytes(content)
    with pytest.raises(InferenceError, match=told):
        infer(file, "UTC")


def test_a_header_may_be_anything_and_is_found_again_in_the_file(tmp_path):
    headers = ["Größe in %", "1st", "order", "Order", "日付", "金額", "event_at", "Sprint", "a\nb", " x "]
    file = tmp_path / "own.csv"
    pd.DataFrame([range(len(headers))], columns=headers).to_csv(file, index=False)
    columns, frame = infer(file, "UTC")
    assert [column.header for column in columns] == headers
    assert [column.sql for column in columns] == [
        "grosse_in", "c_1st", "order_", "order__2", "c_5", "c_6", "event_at_", "sprint_", "a_b", "x",
    ]  # fmt: skip
    assert [column.name for column in columns] == [
        "grosse_in", "c_1st", "order", "order__2", "c_5", "c_6", "event_at_", "sprint_", "a_b", "x",
    ]  # fmt: skip
    assert list(frame.iloc[0]) == list(range(len(headers)))


def test_parquet_says_itself_what_its_columns_are(tmp_path):
    file = tmp_path / "own.parquet"
    table = pa.table(
        {"text": ["1", "2"], "whole": [1.0, 2.0], "gap": [float("nan"), 1.5], "none": pa.nulls(2),
         "kind": pa.array(["a", "b"]).dictionary_encode()},
    )  # fmt: skip
    pq.write_table(table, file)
    kinds = {column.name: (column.kind, column.required) for column in infer(file, "UTC")[0]}
    assert kinds == {
        "text": ("string", True), "whole": ("number", True), "gap": ("number", False), "none": ("string", False),
        "kind": ("string", True),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "told"),
    [(pa.array([datetime.time(1)]), "column x has type time64"),
         (pa.array([Decimal("0.12345678901234567890")]), "x: it has more digits than a number keeps"),
     (pa.array([2**62], pa.timestamp("us")), "x has a date or moment that is outside the years"),
     (pa.array([2**62], pa.timestamp("us", "UTC")), "x has a date or moment that is outside the years"),
     (pa.array([4_000_000], pa.int32()).cast(pa.date32()), "x has a date or moment that is outside the years"),
     (pa.array([2**64 - 1], pa.uint64()), "too large for a whole number"),
     (pa.array([datetime.datetime(2026, 10, 25, 2, 30)]), "happened twice in Europe/Berlin")],
)  # fmt: skip
def test_what_parquet_holds_and_no_contract_can_is_refused(tmp_path, column, told):
    pq.write_table(pa.table({"x": column}), tmp_path / "own.parquet")
    with pytest.raises(InferenceError, match=told):
        infer(tmp_path / "own.parquet", "Europe/Berlin")


def test_nested_columns_are_refused_by_name(tmp_path):
    rows(items=[[1, 2]] * N).to_parquet(tmp_path / "own.parquet")
    with pytest.raises(InferenceError, match=r"column items has type list.*write its parts as columns"):
        infer(tmp_path / "own.parquet", "UTC")
