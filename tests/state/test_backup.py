"""A backup is whole or none, taken while others write, and comes back elsewhere; what stood is never lost."""

import json
import multiprocessing
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner
from tests.ledger_events import NOTE, note
from tests.mechanisms.test_migrations import old

from sprintline.base.settings import Home
from sprintline.cli.main import cli
from sprintline.lake.tables import Lake
from sprintline.learning.registry import Models
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.ledger.record_tables import SCHEMA_VERSION
from sprintline.mechanisms.ledger.records import Records
from sprintline.state.backup import BackupError, back_up, keeping, prove_seal
from sprintline.state.restore import restore

SPAWN = multiprocessing.get_context("spawn")
TABLE = "bakery/orders"


def fill(home: Home, events: int = 3) -> None:
    """Something of everything that is kept."""
    records = open_records(home)
    for i in range(events):
        records.append(NOTE, "bakery", None, "platform", note(i))
    Lake(home.lake).write(TABLE, "2026-S01", pd.DataFrame({"id": [1, 2]}), sort_by="id")
    file = home.warehouse_file("bakery")
    file.parent.mkdir()
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE marts AS SELECT 42 AS answer")
    for name in ("landing/bakery/orders/2026-S01.csv", "quarantine/bakery/orders/bad.csv", "clock", "reports/a.html",
                 "dagster/dagster.yaml", "dagster/.prepared.json", "dbt/bakery/target/manifest.json",
                 "models/releases/m1/model.onnx", ".half-written", "landing/.part.csv"):  # fmt: skip
        place = home.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("2026-01-15T00:00:00+00:00" if name == "clock" else f"text of {name}")


@pytest.fixture
def filled(home):
    fill(home)
    return home


@pytest.fixture
def saved(filled, tmp_path):
    file = tmp_path / "saved.tar.zst"
    back_up(filled, file)
    return file


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and file.name != ".keeping" and not file.name.endswith(("-wal", "-shm"))
    }


def test_everything_comes_back_at_another_place_and_only_what_is_kept(filled, saved, tmp_path):
    there = Home(tmp_path / "far" / "away")
    done = restore(saved, there)
    assert (done.aside, done.moved, done.notes) == (None, True, [])
    here, far = contents(filled.root), contents(there.root)
    assert here.keys() - far.keys() == {
        ".half-written", "landing/.part.csv", "dbt/bakery/target/manifest.json", ".ledger.head.lock",
        "warehouse/.bakery.duckdb.lock",
    }  # fmt: skip
    assert {name for name in far if far[name] != here.get(name)} <= {"records.db"}
    report = Records(there.records_url).verify()
    assert report.ok
    assert report.events == 3
    assert done.manifest.ledger == {"seq": 3, "hash": report.head.hash}
    assert Lake(there.lake).read(TABLE)["id"].tolist() == [1, 2]
    with duckdb.connect(str(there.warehouse_file("bakery")), read_only=True) as connection:
        assert connection.execute("SELECT answer FROM marts").fetchone() == (42,)
    assert saved.stat().st_mode & 0o077 == 0


def test_with_another_key_it_comes_back_and_a_person_accepts_it(filled, saved, tmp_path, monkeypatch):
    monkeypatch.setenv("SPRINTLINE_KEYS", str(tmp_path / "keys of another machine"))
    there = Home(tmp_path / "far")
    (note_,) = restore(saved, there).notes
    assert "nothing is appended yet, for the ledger has a head file" in note_ and "is signed by key" in note_
    assert str(there.ledger_head) in note_ and "sprintline ledger accept" in note_
    records = Records(there.records_url)
    assert not records.verify().ok
    records.accept("dana", "the machine is another")
    records.append(NOTE, "bakery", None, "platform", note())
    assert Records(there.records_url).verify().ok


def test_an_older_backup_than_the_copies_outside_have_seen_is_said(filled, tmp_path, monkeypatch):
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setenv("SPRINTLINE_LEDGER_COPY", str(outside))
    records = Records(filled.records_url)
    records.append(NOTE, "bakery", None, "platform", note())
    back_up(filled, tmp_path / "older.tar.zst")
    assert restore(tmp_path / "older.tar.zst", Home(tmp_path / "as new")).notes == []
    records.append(NOTE, "bakery", None, "platform", note())
    there = Home(tmp_path / "far")
    (note_,) = restore(tmp_path / "older.tar.zst", there).notes
    assert "does not carry event 5 of the copy" in note_
    again = Records(there.records_url)
    again.accept("dana", "the newer one is lost")
    assert again.verify().ok


def test_a_folder_that_was_moved_goes_on(filled, tmp_path):
    open_records(filled).close()
    filled.root.rename(tmp_path / "elsewhere")
    records = Records(Home(tmp_path / "elsewhere").records_url)
    assert records.verify().ok
    records.append(NOTE, "bakery", None, "platform", note())
    assert records.verify().ok


@pytest.mark.fault
def test_what_another_hand_changed_before_a_backup_is_said(filled, tmp_path):
    records = open_records(filled)
    records.measure("bakery", "2026-S01", "orders", "v1", {"rows": 1})
    records.close()
    with sqlite3.connect(filled.root / "records.db") as connection:
        connection.execute("UPDATE measurements SET data_version = 'v2'")
    connection.close()
    back_up(filled, tmp_path / "b.tar.zst")
    (note_,) = restore(tmp_path / "b.tar.zst", Home(tmp_path / "far")).notes
    assert "not as they were written when it was saved: 1" in note_


def write_without_end(root, stop):
    home = Home(Path(root))
    records, lake = open_records(home), Lake(home.lake)
    i = 0
    while not stop.is_set():
        lake.write(TABLE, "2026-S01", pd.DataFrame({"id": range(i, i + 500)}), sort_by="id")
        records.append(NOTE, "bakery", None, "platform", note(i))  # only after what it speaks of
        with duckdb_turn(home) as connection:
            connection.execute(
                "BEGIN; DELETE FROM marts; INSERT INTO marts SELECT range FROM range(1000); COMMIT"
            )
        i += 1


def duckdb_turn(home):
    from contextlib import contextmanager

    from sprintline.base.locks import access

    @contextmanager
    def opened():
        with access(home.warehouse_file("bakery"), writing=True):
            connection = duckdb.connect(str(home.warehouse_file("bakery")))
            yield connection
            connection.close()

    return opened()


def test_nothing_is_torn_while_another_process_writes(filled, tmp_path):
    stop = SPAWN.Event()
    writer = SPAWN.Process(target=write_without_end, args=(str(filled.root), stop))
    writer.start()
    try:
        until = time.monotonic() + 60
        while len(open_records(filled).events()) < 5 and time.monotonic() < until:
            time.sleep(0.05)
        for n in range(4):
            back_up(filled, tmp_path / f"{n}.tar.zst")
    finally:
        stop.set()
        writer.join(60)
    assert writer.exitcode == 0
    heads = []
    for n in range(4):
        there = Home(tmp_path / f"home{n}")
        restore(tmp_path / f"{n}.tar.zst", there)
        records = Records(there.records_url)
        assert records.verify().ok
        heads.append(records.verify().events)
        held = Lake(there.lake).read(TABLE)["id"]
        # The lake is never behind what the ledger speaks of, and its partition is one commit's.
        assert held.min() >= int(records.events()[-1].body["item"])
        assert len(held) == 500
        with duckdb.connect(str(there.warehouse_file("bakery")), read_only=True) as connection:
            assert connection.execute("SELECT count(*) FROM marts").fetchone() == (1000,)
    assert heads == sorted(heads)
    assert heads[-1] > heads[0]


def test_mlflow_finds_its_artefacts_at_the_new_place_though_the_old_is_gone(filled, tmp_path):
    models = Models(filled, "bakery")
    experiment = models.init()
    run = models._client.create_run(experiment)
    note = tmp_path / "note.txt"
    note.write_text("flour")
    models._client.log_artifact(run.info.run_id, str(note))
    place = filled.models / "artifacts" / "bakery" / "models" / "m-1" / "artifacts" / "MLmodel"
    place.parent.mkdir(parents=True)
    place.write_text(f"artifact_path: {place.parent.as_uri()}\n")
    back_up(filled, tmp_path / "b.tar.zst")
    filled.root.rename(tmp_path / "gone")
    there = Home(tmp_path / "other")
    restore(tmp_path / "b.tar.zst", there)
    again = Models(there, "bakery")
    assert again.init() == experiment
    found = again._client.download_artifacts(run.info.run_id, "note.txt")
    assert Path(found).read_text() == "flour"
    assert str(filled.root) not in "".join(file.read_text() for file in there.root.rglob("MLmodel"))


# --- refused, and nothing lost


def test_a_backup_never_overwrites_nor_holds_itself_nor_saves_nothing(filled, saved, tmp_path):
    with pytest.raises(BackupError, match="is there already"):
        back_up(filled, saved)
    with pytest.raises(BackupError, match="would hold itself"):
        back_up(filled, filled.root / "b.tar.zst")
    with pytest.raises(BackupError, match="nothing to back up"):
        back_up(Home(tmp_path / "none"), tmp_path / "none.tar.zst")
    assert not (tmp_path / "none").exists()


def test_a_folder_that_stands_is_moved_aside_only_when_asked(filled, saved, tmp_path):
    open_records(filled).append(NOTE, "bakery", None, "platform", note("after the backup"))
    before = contents(filled.root)
    with pytest.raises(BackupError, match=r"not empty.*--replace"):
        restore(saved, filled)
    assert contents(filled.root) == before
    done = restore(saved, filled, replace=True)
    assert Records(filled.records_url).verify().events == 3
    assert contents(done.aside) == before
    assert not [one for one in tmp_path.iterdir() if ".restoring-" in one.name]


def test_a_folder_in_use_is_not_replaced(filled, saved):
    user = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "sprintline"],
        env={"SPRINTLINE_HOME": str(filled.root)},
    )
    try:
        with pytest.raises(BackupError, match=rf"is in use \({user.pid} .*end that first"):
            restore(saved, filled, replace=True)
    finally:
        user.kill()
        user.wait()
    with keeping(filled), pytest.raises(BackupError, match="by another process"):
        restore(saved, filled, replace=True)


def flipped(data: bytes, at: int | None = None) -> bytes:
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [flipped, lambda data: data[: len(data) // 2], lambda data: data[:-20], lambda _: b"no archive", lambda _: b""],
)  # fmt: skip
def test_a_damaged_file_is_told_and_puts_nothing_in_place(filled, saved, tmp_path, spoil):
    before = contents(filled.root)
    saved.write_bytes(spoil(saved.read_bytes()))
    with pytest.raises(BackupError, match=r"saved\.tar\.zst (is damaged|has no end)"):
        restore(saved, filled, replace=True)
    assert contents(filled.root) == before
    assert not [one for one in tmp_path.iterdir() if ".restoring-" in one.name or ".before-" in one.name]


def test_no_bit_is_unguarded_be_it_a_time_or_a_padding(saved):
    prove_seal(saved)
    whole = saved.read_bytes()
    for at in [*range(0, len(whole), 97), *range(len(whole) - 41, len(whole))]:
        saved.write_bytes(flipped(whole, at))
        with pytest.raises(BackupError, match=r"is damaged|has no end"):
            prove_seal(saved)


def test_a_swap_that_fails_brings_the_old_folder_back(filled, saved, monkeypatch):
    before = contents(filled.root)
    rename = Path.rename

    def fails(self, target):
        if ".restoring-" in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(BackupError, match=r"No space left on device.*what was there is unchanged"):
        restore(saved, filled, replace=True)
    assert contents(filled.root) == before


def test_a_full_disk_leaves_no_half_backup(filled, tmp_path):
    (filled.root / "landing" / "big.csv").write_bytes(bytes(range(256)) * 40_000)
    code = (
        "import resource, sys; from sprintline.cli.main import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, resource.RLIM_INFINITY)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "backup", str(tmp_path / "b.tar.zst")],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"sprintline: {tmp_path / 'b.tar.zst'} cannot be written (")
    assert not [one for one in tmp_path.iterdir() if "b.tar.zst" in one.name]


def test_records_of_a_newer_schema_are_refused_before_anything_is_put_in_place(filled, tmp_path):
    with sqlite3.connect(filled.root / "records.db") as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    back_up(filled, tmp_path / "b.tar.zst")
    with pytest.raises(BackupError, match=r"schema 99.*a newer one"):
        restore(tmp_path / "b.tar.zst", Home(tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_records_of_an_older_schema_are_migrated_while_they_are_restored(tmp_path):
    there = Home(tmp_path / "there")
    there.root.mkdir()
    old(there.root)
    assert back_up(there, tmp_path / "b.tar.zst").schema == 1
    done = restore(tmp_path / "b.tar.zst", Home(tmp_path / "here"))
    assert done.notes == [f"its records had schema 1 and were migrated to {SCHEMA_VERSION}"]
    records = Records(f"sqlite:///{tmp_path / 'here' / 'records.db'}")
    assert records.verify().ok
    assert [one.sprint for one in records.verdicts("parcels", "2026-S01")] == ["2026-S01"] * 2
    # The folder it came from is as it was.
    with sqlite3.connect(there.root / "records.db") as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(1,)]


def test_an_older_ledger_that_does_not_hold_is_not_restored(tmp_path):
    there = Home(tmp_path / "there")
    there.root.mkdir()
    with sqlite3.connect(old(there.root)) as connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute("UPDATE ledger SET actor = 'mallory' WHERE seq = 2")
    connection.close()
    back_up(there, tmp_path / "b.tar.zst")
    with pytest.raises(BackupError, match="does not hold at event 2"):
        restore(tmp_path / "b.tar.zst", Home(tmp_path / "here"))
    assert not (tmp_path / "here").exists() or not any((tmp_path / "here").glob("records*"))


def test_a_ledger_that_does_not_hold_is_not_restored(filled, tmp_path):
    with sqlite3.connect(filled.root / "records.db") as connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute("UPDATE ledger SET actor = 'mallory' WHERE seq = 2")
    connection.close()
    back_up(filled, tmp_path / "b.tar.zst")
    with pytest.raises(BackupError, match="does not hold at event 2"):
        restore(tmp_path / "b.tar.zst", Home(tmp_path / "other"))


def test_the_commands_say_what_they_did(filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    said = run.invoke(cli, ["backup", "--json"], standalone_mode=False)
    told = json.loads(said.stdout)
    assert Path(told["file"]).is_file()
    assert (told["ledger"]["seq"], told["schema"], told["lacks"]) == (3, SCHEMA_VERSION, [])
    again = run.invoke(cli, ["restore", told["file"], "--replace"], standalone_mode=False).stdout
    assert "ledger up to event 3" in again
    assert "The old folder is now" in again
    refused = run.invoke(cli, ["restore", "nowhere"], standalone_mode=False)
    assert "nowhere is no file" in str(refused.exception)
