"""Landed files of an invented contract: what the tests of the landing share."""
# ruff: noqa: E501 - the contract is read row by row

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sprintline.landing.contracts import Contract
from sprintline.landing.files import LandedFile
from sprintline.landing.folder import BadFile, Landing

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: bookings
name: Bookings
version: "1.0.0"
status: active
description: {purpose: bookings of invented passengers}
schema:
  - name: bookings
    properties:
      - {name: flight, logicalType: integer, primaryKey: true, primaryKeyPosition: 2, description: number,
         classification: public, logicalTypeOptions: {minimum: 1, maximum: 9999}}
      - {name: carrier, logicalType: string, primaryKey: true, primaryKeyPosition: 1, description: airline,
         classification: public, quality: [{metric: invalidValues, arguments: {validValues: [AA, UA, B6, NA]}, mustBe: 0}]}
      - {name: booked_at, logicalType: timestamp, required: true, description: when, classification: public}
      - {name: fare, logicalType: number, description: US dollars, classification: public,
         logicalTypeOptions: {minimum: 0}}
      - {name: birthday, logicalType: date, description: born, classification: personal}
      - {name: first_time, logicalType: boolean, description: first booking, classification: internal}
      - {name: email, logicalType: string, description: address, classification: personal,
         logicalTypeOptions: {pattern: "^[^@]+@[^@]+$", maxLength: 60}}
customProperties:
  - {property: eventAt, value: booked_at}
  - {property: knownAt, value: booked_at}
  - {property: timezone, value: America/New_York}
"""
HEADER = "flight,carrier,booked_at,fare,birthday,first_time,email"
ROWS = [
    "1,AA,2013-01-01T05:00:00Z,120.5,1980-02-29,true,ann@example.org",
    "2,UA,2013-01-02T10:30:00-05:00,,NA,,",
    '1,UA,2013-01-03 12:00:00,99,1999-12-31,FALSE,"bob ""b"" b, jr@example.org"',
    "4,B6,2013-01-14T23:59:59.123456Z,0,,0,",
]
GOOD = "\n".join([HEADER, *ROWS]) + "\n"


@dataclass(frozen=True)
class Window:
    key: str
    start: datetime
    end: datetime


S01 = Window("2013-S01", datetime(2013, 1, 1, 5, tzinfo=UTC), datetime(2013, 1, 15, 5, tzinfo=UTC))


def drop(landing: Landing, data: bytes | str, name: str = "2013-S01.csv") -> LandedFile:
    folder = landing.folder("care", "bookings")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return landing.scan("care", "bookings").files[name.partition(".")[0]]


def refusal(landing: Landing, contract: Contract, data: bytes | str, name: str = "2013-S01.csv") -> BadFile:
    with pytest.raises(BadFile) as refused:
        landing.read(drop(landing, data, name), contract, S01)
    bad = refused.value
    assert len(bad.reason) < 4000 and len(json.dumps(bad.details)) < 12_000
    return bad


def parquet(frame: pd.DataFrame | pa.Table, **options: object) -> bytes:
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


def typed_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "flight": [1, 2],
            "carrier": ["AA", "UA"],
            "booked_at": pd.to_datetime(["2013-01-01T05:00:00Z", "2013-01-02T15:30:00Z"]),
            "fare": [120.5, None],
            "birthday": [date(1980, 2, 29), None],
            "first_time": pd.array([True, None], dtype="boolean"),
            "email": ["ann@example.org", None],
        }
    )
