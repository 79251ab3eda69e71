"""Damaged files: a flipped bit, a cut, a wrong checksum never change what is read without being told."""

import gzip
import hashlib
import random

import pandas as pd
import pytest
from tests.landing.landed_files import (
    CONTRACT,
    GOOD,
    HEADER,
    S01,
    drop,
    parquet,
    refusal,
    typed_frame,
)

from sprintline.landing.contracts import Contract
from sprintline.landing.folder import (
    BadFile,
    Landing,
)
from sprintline.landing.odcs import parse_contract


def many_rows(count: int = 400) -> str:
    numbers = random.Random(5)
    rows = [
        f"{n},{numbers.choice(['AA', 'UA', 'B6'])},2013-01-0{numbers.randint(2, 9)}T10:{n % 60:02d}:00Z,"
        f"{numbers.random() * 500:.2f},19{numbers.randint(10, 99)}-01-31,true,p{n}@example.org"
        for n in range(1, count + 1)
    ]
    return "\n".join([HEADER, *rows]) + "\n"


def flipped(data: bytes, numbers: random.Random, start: int = 0) -> bytes:
    damaged = bytearray(data)
    for _ in range(numbers.choice([1, 1, 1, 2, 7])):
        damaged[numbers.randrange(start, len(data))] ^= 1 << numbers.randrange(8)
    return bytes(damaged)


def accepted(landing: Landing, contract: Contract, data: bytes, name: str) -> pd.DataFrame | None:
    try:
        return landing.read(drop(landing, data, name), contract, S01)
    except BadFile:
        return None


@pytest.mark.fault
def test_flipped_bits_in_gzip_never_change_what_is_read(landing, contract) -> None:
    data = gzip.compress(many_rows().encode())
    whole = landing.read(drop(landing, data, "2013-S01.csv.gz"), contract, S01)
    numbers, header = random.Random(1), 10
    for _ in range(150):
        assert accepted(landing, contract, flipped(data, numbers, header), "2013-S01.csv.gz") is None
    for position in range(header):  # time stamp and the like: the content is proven by its checksum
        damaged = bytearray(data)
        damaged[position] ^= 1 << numbers.randrange(8)
        frame = accepted(landing, contract, bytes(damaged), "2013-S01.csv.gz")
        assert frame is None or frame.equals(whole)


@pytest.mark.fault
@pytest.mark.parametrize("cut", ["gz", "csv"])
def test_a_file_cut_off_anywhere_in_a_row_is_refused(landing, contract, cut) -> None:
    text = many_rows(40).encode()
    data = gzip.compress(text) if cut == "gz" else text
    name = "2013-S01.csv.gz" if cut == "gz" else "2013-S01.csv"
    numbers = random.Random(2)
    for _ in range(60):
        end = numbers.randrange(1, len(data))
        if (
            cut == "csv"
        ):  # at the end of a row, or in its last field, nothing shows; the checksum file is for that
            last = data[:end].rpartition(b"\n")[2]
            if last.count(b",") == 6 or not last:
                continue
        assert accepted(landing, contract, data[:end], name) is None


@pytest.mark.fault
@pytest.mark.parametrize("form", [".csv", ".csv.gz", ".parquet"])
def test_with_a_checksum_beside_it_no_damage_at_all_is_taken(landing, contract, form) -> None:
    text = many_rows(50)
    data = {
        ".csv": text.encode(),
        ".csv.gz": gzip.compress(text.encode()),
        ".parquet": parquet(typed_frame()),
    }[form]
    folder = landing.folder("care", "bookings")
    folder.mkdir(parents=True)
    name = f"2013-S01{form}"
    (folder / f"{name}.sha256").write_text(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    assert len(landing.read(drop(landing, data, name), contract, S01)) > 0
    numbers = random.Random(3)
    for _ in range(60):
        bad = refusal(landing, contract, flipped(data, numbers), name)
        assert bad.details["findings"][0]["code"] == "checksum"
        assert "send the file again" in bad.reason


@pytest.mark.fault
def test_flipped_bits_in_parquet_with_page_checksums_never_change_what_is_read(landing, contract) -> None:
    frame = pd.concat([typed_frame()] * 1).assign(flight=[11, 12])
    data = parquet(frame, write_page_checksum=True, compression="NONE")
    whole = landing.read(drop(landing, data, "2013-S01.parquet"), contract, S01)
    numbers, refused = random.Random(4), 0
    for _ in range(120):
        back = accepted(landing, contract, flipped(data, numbers), "2013-S01.parquet")
        refused += back is None
        assert back is None or back.equals(whole)
    assert refused > 30


def test_a_required_checksum_that_is_missing_or_unreadable_is_told(landing) -> None:
    strict = parse_contract(CONTRACT + "  - {property: checksum, value: required}\n", "b")
    bad = refusal(landing, strict, GOOD)
    assert "2013-S01.csv.sha256 is not there" in bad.reason and "sha256sum 2013-S01.csv" in bad.reason
    sidecar = landing.folder("care", "bookings") / "2013-S01.csv.sha256"
    sidecar.write_text("later")
    assert "64 hexadecimal digits" in refusal(landing, strict, GOOD).reason
    sidecar.write_text(hashlib.sha256(GOOD.encode()).hexdigest().upper())
    assert len(landing.read(drop(landing, GOOD), strict, S01)) == 4
