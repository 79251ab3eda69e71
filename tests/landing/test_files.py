"""Files on their way: which are there, when one is settled, and where a refused one goes."""

import hashlib
import json
import os
import pickle
import time
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
from tests.landing.landed_files import (
    CONTRACT,
    GOOD,
    HEADER,
    ROWS,
    S01,
    drop,
    parquet,
    typed_frame,
)

from sprintline.landing.folder import (
    BadFile,
    UnsettledFile,
    check_known_at,
    check_window,
)
from sprintline.landing.odcs import parse_contract

# --- scanning -------------------------------------------------------------------------------------------------------


def test_a_scan_tells_files_by_sprint_and_odd_names_with_a_mend(landing) -> None:
    folder = landing.folder("care", "bookings")
    folder.mkdir(parents=True)
    taken = ["2013-S02.csv", "2013-S01.parquet", "2013-S03.csv.gz"]
    ignored = [".2013-S09.csv", "2013-S09.csv.part", "2013-S09.csv.tmp", "2013-S09.csv.sha256"]
    odd = {
        "2013-S99.csv": "is not a sprint of the calendar; did you mean 2013-S09.csv?",
        "bookings.csv": "is not a sprint of the calendar; name it by a sprint",
        "2013-S04.xlsx": "files are not read as '.xlsx'; known are .csv, .csv.gz, .parquet",
        "2013-S04.CSV": "name it 2013-S04.csv",
        "2013-S04": "the name has no ending",
        "2013-S05.csv.zip": "name it 2013-S05.csv",
        "2013-S06.csv": "2013-S06.csv and 2013-S06.csv.gz are both there for 2013-S06",
        "2013-S06.csv.gz": "remove all but one",
    }
    for name in [*taken, *ignored, *odd]:
        (folder / name).write_text("x")
    (folder / "2013-S07.csv").mkdir()
    scan = landing.scan("care", "bookings", [f"2013-S{n:02d}" for n in range(1, 10)])
    assert list(scan.files) == ["2013-S01", "2013-S02", "2013-S03"]
    told = {problem.path.name: str(problem) for problem in scan.problems}
    assert set(told) == {*odd, "2013-S07.csv"}
    for name, words in odd.items():
        assert words in told[name] and told[name].startswith(f"care/bookings/{name}: ")
    assert "not a file" in told["2013-S07.csv"]
    assert "not a sprint key" in str(landing.scan("care", "bookings").problems)


def test_nothing_there_is_no_problem(landing) -> None:
    scan = landing.scan("care", "bookings")
    assert scan.files == {} and scan.problems == ()


def test_folders_nobody_declared_are_told(landing) -> None:
    for name in ("bookings", "booking", "zzz"):
        landing.folder("care", name).mkdir(parents=True)
    told = [str(problem) for problem in landing.stray_folders("care", ["bookings"])]
    assert told == [
        "care/booking: no source of this name is declared; did you mean bookings/?",
        "care/zzz: no source of this name is declared; use a folder of a declared source: bookings",
    ]


@pytest.mark.parametrize("name", ["..", "a/b", "", "A", "/etc"])
def test_names_that_lead_elsewhere_are_refused(landing, name) -> None:
    with pytest.raises(ValueError, match="folder of the landing"):
        landing.scan(name, "bookings")


def test_digest_follows_name_size_time_and_checksum(landing) -> None:
    first = drop(landing, GOOD)
    assert drop(landing, GOOD).digest != first.digest or drop(landing, GOOD).mtime_ns == first.mtime_ns
    os.utime(first.path, ns=(first.mtime_ns, first.mtime_ns))
    assert landing.scan("care", "bookings").files["2013-S01"].digest == first.digest
    os.utime(first.path, ns=(1, first.mtime_ns + 1))
    second = landing.scan("care", "bookings").files["2013-S01"]
    assert second.digest != first.digest
    first.path.with_name("2013-S01.csv.sha256").write_text("x")
    assert landing.scan("care", "bookings").files["2013-S01"].digest != second.digest


def test_a_file_settles_a_second_after_its_last_change(landing) -> None:
    file = drop(landing, GOOD)
    now = time.time()

    def settled(mtime: float, at: float = now) -> bool:
        os.utime(file.path, (mtime, mtime))
        return landing.scan("care", "bookings", now=at).files["2013-S01"].settled

    assert settled(now - 5)
    assert not settled(now - 0.5)
    # A time in the future says nothing; then the file system's own record of the change counts.
    assert not settled(now + 86_400, at=time.time())
    assert settled(now + 86_400, at=time.time() + 2)


def test_a_file_that_changes_while_it_is_read_is_not_judged(landing, contract) -> None:
    file = drop(landing, GOOD)
    drop(landing, GOOD + "5,AA")
    with pytest.raises(UnsettledFile, match="changed"):
        landing.read(file, contract, S01)
    file.path.unlink()
    with pytest.raises(UnsettledFile, match="gone"):
        landing.read(file, contract, S01)


def test_a_disk_that_cannot_be_read_says_nothing_about_the_file(landing, contract, monkeypatch) -> None:
    file = drop(landing, GOOD)

    def fails(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(OSError, match="Input/output"):
        landing.read(file, contract, S01)


# --- quarantine -----------------------------------------------------------------------------------------------------


def test_a_refused_file_moves_with_its_reason_and_checksum(landing, contract) -> None:
    data = GOOD.replace("1,AA", "0,AA")
    folder = landing.folder("care", "bookings")
    folder.mkdir(parents=True)
    (folder / "2013-S01.csv.sha256").write_text(hashlib.sha256(data.encode()).hexdigest())
    file = drop(landing, data)
    with pytest.raises(BadFile) as refused:
        landing.read(file, contract, S01)
    path = landing.quarantine(file, refused.value)
    assert list(folder.iterdir()) == []
    assert path.parent == landing.quarantine_root / "care" / "bookings" / "2013-S01"
    assert path.read_text() == data and path.name.endswith("-2013-S01.csv")
    assert path.with_name(path.name + ".sha256").exists()
    told = json.loads(path.with_name(path.name + ".reason.json").read_text())
    assert told["reason"] == refused.value.reason and told["details"] == refused.value.details
    assert told["fix"] == "drop the fixed file as landing/care/bookings/2013-S01.csv"
    page = path.with_name(path.name + ".reason.md").read_text()
    assert refused.value.reason in page and "landing/care/bookings/2013-S01.csv" in page
    (listed,) = landing.quarantined("care", "bookings", "2013-S01")
    assert listed.path == path and listed.reason == refused.value.reason
    assert not [name for name in path.parent.iterdir() if name.name.startswith(".")]


def test_dropping_the_mended_file_is_enough_and_no_evidence_is_overwritten(landing, contract) -> None:
    kept = []
    for _ in range(3):
        file = drop(landing, GOOD[:60])
        with pytest.raises(BadFile) as refused:
            landing.read(file, contract, S01)
        kept.append(landing.quarantine(file, refused.value))
    assert len(set(kept)) == 3
    assert [one.path for one in landing.quarantined("care")] == kept
    assert len({one.sha256 for one in landing.quarantined("care")}) == 1
    assert len(landing.read(drop(landing, GOOD), contract, S01)) == 4


def test_two_refusals_in_the_same_moment_keep_apart(landing, monkeypatch) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 1, 1, tzinfo=tz)

    monkeypatch.setattr("sprintline.landing.quarantine.datetime", Stopped)
    paths = [landing.quarantine(drop(landing, "x"), "bad") for _ in range(2)]
    assert len(set(paths)) == 2 and all(path.exists() for path in paths)


def test_a_mended_file_that_came_meanwhile_stays(landing) -> None:
    file = drop(landing, "bad")
    drop(landing, GOOD)
    with pytest.raises(UnsettledFile, match="was not moved"):
        landing.quarantine(file, "bad")
    assert file.path.read_text() == GOOD
    assert landing.quarantined("care") == []


def test_a_mended_file_that_comes_in_the_very_moment_of_the_move_is_put_back(landing, monkeypatch) -> None:
    file = drop(landing, "bad")
    real = os.replace

    def replace(source: object, target: object) -> None:
        if Path(str(source)) == file.path:
            file.path.write_text(GOOD)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(UnsettledFile, match="replaced while it was moved"):
        landing.quarantine(file, "bad")
    assert file.path.read_text() == GOOD
    assert [path for path in landing.quarantine_root.rglob("*") if path.is_file()] == []


def test_a_move_that_fails_leaves_the_file_and_no_reason(landing, monkeypatch) -> None:
    file = drop(landing, "bad")
    real = os.replace

    def replace(source: object, target: object) -> None:
        if Path(str(source)) == file.path:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="No space"):
        landing.quarantine(file, "bad")
    assert file.path.exists() and landing.quarantined("care") == []


def test_a_refusal_survives_a_process_boundary() -> None:
    bad = pickle.loads(pickle.dumps(BadFile("why", {"findings": []})))
    assert (bad.reason, bad.details, str(bad)) == ("why", {"findings": []}, "why")


# --- moments that the product derives ---------------------------------------------------------------------------------


def moments(*texts: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_at": pd.Series(pd.to_datetime(list(texts), utc=True, format="ISO8601")).astype(
                "datetime64[us, UTC]"
            )
        }
    )


def test_derived_event_times_are_held_to_the_window() -> None:
    check_window(moments("2013-01-01T05:00Z", "2013-01-15T04:59:59Z"), S01)
    with pytest.raises(BadFile, match=r"1 of 2 rows are outside sprint 2013-S01 .* first line 3") as refused:
        check_window(moments("2013-01-01T05:00Z", "2013-01-15T05:00Z").set_index(pd.Index([7, 9])), S01)
    assert refused.value.details["findings"][0]["lines"] == [3]
    with pytest.raises(BadFile, match="first row 1"):
        check_window(moments("2013-01-01T04:00Z"), S01, first_line=None)
    with pytest.raises(BadFile, match="line 3: event_at is empty"):
        check_window(moments("2013-01-01T05:00Z", None), S01)
    with pytest.raises(BadFile, match=r"no column event_at; .*sources.py"):
        check_window(pd.DataFrame({"x": [1]}), S01)
    with pytest.raises(BadFile, match="with a time zone"):
        check_window(pd.DataFrame({"event_at": pd.to_datetime(["2013-01-02"])}), S01)


def test_known_at_must_be_known() -> None:
    frame = moments("2013-01-01T05:00Z", None, None).rename(columns={"event_at": "known_at"})
    check_known_at(frame.head(1))
    with pytest.raises(BadFile, match="lines 3 and 4: known_at is empty; every row needs its known_at"):
        check_known_at(frame)


def test_a_column_is_found_by_what_the_file_calls_it(landing) -> None:
    contract = parse_contract(
        CONTRACT.replace("{name: fare,", '{name: fare, physicalName: "Fare in $",'), "b"
    )
    text = "\n".join([HEADER.replace("fare", "Fare in $"), *ROWS]) + "\n"
    frame = landing.read(drop(landing, text), contract, S01)
    assert list(frame["fare"].dropna()) == [120.5, 99.0, 0.0] and "Fare in $" not in frame
    with pytest.raises(
        BadFile, match=r"(?s)'fare' is not in the contract.*the column 'Fare in \$' is missing"
    ):
        landing.read(drop(landing, GOOD), contract, S01)


def test_where_nothing_happened_the_sprint_before_lasts_longer(landing) -> None:
    with pytest.raises(BadFile, match=r"no rows; .*lengthen the previous sprint \(calendar.lengths"):
        landing.read(drop(landing, f"{HEADER}\n"), parse_contract(CONTRACT, "b"), S01)


@pytest.mark.parametrize(("day", "known"), [("2013-01-01", "2013-01-02T05"), ("2060-12-31", "2061-01-01T05")])
def test_what_became_known_on_a_day_is_known_at_its_end(landing, day, known) -> None:
    text = CONTRACT.replace(
        "description: born, classification: personal",
        "description: d, classification: public, required: true",
    )
    text = text.replace("knownAt, value: booked_at", "knownAt, value: birthday")
    row = f"1,AA,2013-01-01T05:00:00Z,1,{day},true,\n"
    frame = landing.read(drop(landing, f"{HEADER}\n{row}"), parse_contract(text, "b"), S01)
    assert frame["known_at"].dt.strftime("%Y-%m-%dT%H").tolist() == [known]


@pytest.mark.parametrize("never", ["9999-12-31", "2999-12-31", "2100-01-01", "0001-01-01"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_mark_for_never_is_no_moment_at_which_a_row_was_known(landing, never, form) -> None:
    text = CONTRACT.replace(
        "description: born, classification: personal",
        "description: d, classification: public, required: true",
    )
    text = text.replace("knownAt, value: booked_at", "knownAt, value: birthday")
    data = (
        f"{HEADER}\n1,AA,2013-01-01T05:00:00Z,1,2013-01-02,true,\n2,AA,2013-01-01T05:00:00Z,1,{never},true,\n"
    )
    if form == "parquet":
        data = parquet(typed_frame().assign(birthday=[date(2013, 1, 2), date.fromisoformat(never)]))
    with pytest.raises(BadFile, match=rf"column birthday: '{never}' is no moment .*leave the row out"):
        landing.read(drop(landing, data, f"2013-S01.{form}"), parse_contract(text, "b"), S01)


def test_a_mark_for_never_may_be_in_any_other_column(landing, contract) -> None:
    frame = landing.read(drop(landing, GOOD.replace("1980-02-29", "9999-12-31")), contract, S01)
    assert str(frame["birthday"][0]) == "9999-12-31"


def test_an_event_day_is_its_local_midnight(landing) -> None:
    text = CONTRACT.replace(
        "description: born, classification: personal",
        "description: d, classification: public, required: true",
    )
    text = text.replace("eventAt, value: booked_at", "eventAt, value: birthday")
    row = "1,AA,2013-01-01T05:00:00Z,1,2013-01-01,true,\n"
    frame = landing.read(drop(landing, f"{HEADER}\n{row}"), parse_contract(text, "b"), S01)
    assert str(frame["event_at"][0]) == "2013-01-01 05:00:00+00:00"
