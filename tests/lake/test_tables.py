"""The lake: one commit per partition or none, versions that are the content's, and nothing half-written, ever."""

import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from sprintline.lake.tables import Lake, LakeError

SPAWN = multiprocessing.get_context("spawn")
TABLE = "flights/departures"


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def departures(rows=50, delay=0.0):
    start = pd.Timestamp("2013-01-01T05:00", tz="America/New_York")
    return pd.DataFrame(
        {
            "flight": np.arange(rows, dtype="int32"),
            "carrier": pd.Categorical(["UA", "B6"] * (rows // 2)),
            "delay": np.linspace(0, 1, rows) + delay,
            "event_at": start + pd.to_timedelta(np.arange(rows), unit="min"),
            "seats": pd.array([None, 2**60 + 1] * (rows // 2), dtype="Int64"),
            "flown_on": [None, start.date()] * (rows // 2),
        }
    )


def delta_version(lake, table=TABLE):
    return DeltaTable(lake.path(table)).version()


# --- content


def test_what_is_written_comes_back_exact_ordered_and_in_utc(lake):
    frame = departures()
    commit = lake.write(TABLE, "2013-S01", frame.sample(frac=1, random_state=1), "flight")
    assert (commit.rows, commit.changed, commit.delta_version) == (50, True, 1)
    kept = lake.read(TABLE, "2013-S01")
    assert kept["flight"].tolist() == list(range(50))
    assert str(kept["event_at"].dtype) == "datetime64[us, UTC]"
    assert (kept["event_at"] == frame["event_at"]).all()
    assert kept["seats"].dtype == "Int64"
    assert kept["seats"][1] == 2**60 + 1
    assert kept["flown_on"].tolist() == frame["flown_on"].tolist()
    assert kept.columns.tolist() == [*frame.columns, "sprint"]
    assert not lake.write(TABLE, "2013-S01", kept, "flight").changed


def test_the_same_content_makes_no_commit_in_whatever_form_it_comes(lake):
    frame = departures()
    first = lake.write(TABLE, "2013-S01", frame, "flight")
    other = frame.iloc[::-1].assign(
        flight=frame["flight"].astype("float64"),
        event_at=frame["event_at"].dt.tz_convert("UTC"),
        sprint="2013-S01",
    )
    again = lake.write(TABLE, "2013-S01", other, ["event_at", "flight"])
    assert not again.changed
    assert (again.data_version, again.delta_version, delta_version(lake)) == (first.data_version, 1, 1)
    changed = lake.write(TABLE, "2013-S01", departures(delay=1e-9), "flight")
    assert changed.changed
    assert changed.data_version != first.data_version
    assert lake.write(TABLE, "2013-S01", frame, "flight").data_version == first.data_version


def test_the_version_is_that_of_the_content_wherever_it_stands(lake, tmp_path):
    version = lake.write(TABLE, "2013-S01", departures(), "flight").data_version
    assert lake.write("flights/copy", "2013-S07", departures(), "carrier").data_version == version
    note = lake.path(TABLE) / "_sprintline" / "2013-S01.json"
    for spoil in (
        note.unlink,
        lambda: note.write_text("{"),
        lambda: note.write_text('{"files": [], "data_version": "x"}'),
    ):
        spoil()
        assert lake.data_version(TABLE, "2013-S01") == version
    assert lake.data_version(TABLE, "2013-S01", recompute=True) == version


def test_the_version_follows_a_restore_and_outlives_compaction_and_vacuum(lake):
    old = lake.write(TABLE, "2013-S01", departures(), "flight")
    new = lake.write(TABLE, "2013-S01", departures(delay=1), "flight")
    table = DeltaTable(lake.path(TABLE))
    table.restore(old.delta_version)
    assert lake.data_version(TABLE, "2013-S01") == old.data_version
    assert lake.write(TABLE, "2013-S01", departures(delay=1), "flight").data_version == new.data_version
    assert lake.read(TABLE, version=old.delta_version)["delay"].min() == 0
    table = DeltaTable(lake.path(TABLE))
    table.optimize.z_order(["delay"])
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert lake.data_version(TABLE, "2013-S01") == new.data_version
    assert (lake.path(TABLE) / "_sprintline" / "2013-S01.json").exists()
    with pytest.raises(LakeError, match="vacuumed"):
        lake.read(TABLE, version=old.delta_version)


def test_the_log_tells_at_which_version_a_sprint_held_a_content(lake):
    first = lake.write(TABLE, "2013-S01", departures(), "flight")
    lake.write(TABLE, "2013-S02", departures(delay=1.0), "flight")
    second = lake.write(TABLE, "2013-S01", departures(delay=2.0), "flight")
    assert lake.version_with(TABLE, "2013-S01", first.data_version) == first.delta_version
    assert lake.version_with(TABLE, "2013-S01", second.data_version) == second.delta_version
    assert lake.version_with(TABLE, "2013-S02", first.data_version) is None
    assert lake.version_with("flights/none", "2013-S01", first.data_version) is None
    kept = lake.read(TABLE, "2013-S01", version=first.delta_version)
    assert kept["delay"].tolist() == departures()["delay"].tolist()
    DeltaTable(lake.path(TABLE)).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert lake.version_with(TABLE, "2013-S01", first.data_version) == first.delta_version, "the log stands"
    with pytest.raises(LakeError, match="vacuumed or deleted"):
        lake.read(TABLE, "2013-S01", version=first.delta_version)


def test_a_hash_may_leave_columns_out_and_reads_what_is_there(lake):
    frame = departures()
    lake.write(TABLE, "2013-S01", frame, "flight")
    lake.write("flights/other", "2013-S01", frame.assign(carrier="XX"), "flight")
    both = [lake.content_hash(table, "2013-S01", without=("carrier",)) for table in (TABLE, "flights/other")]
    assert both[0] == both[1] != lake.content_hash(TABLE, "2013-S01")
    assert lake.content_hash(TABLE, "2013-S01") == lake.data_version(TABLE, "2013-S01")
    assert lake.content_hash(TABLE, "2013-S09") is None


def test_sprints_keep_apart(lake):
    first = lake.write(TABLE, "2013-S01", departures(), "flight")
    lake.write(TABLE, "2013-S03", departures(20, 3), "flight")
    lake.write(TABLE, "2013-S02", departures(10, 2), "flight")
    lake.write(TABLE, "2013-S03", departures(30, 3), "flight")
    assert lake.data_version(TABLE, "2013-S01") == first.data_version
    assert lake.sprints(TABLE) == ["2013-S01", "2013-S02", "2013-S03"]
    assert lake.tables("flights") == [TABLE]
    assert [lake.rows(TABLE, key) for key in lake.sprints(TABLE)] == [50, 10, 30]
    kept = lake.read(TABLE)
    assert kept["sprint"].tolist() == ["2013-S01"] * 50 + ["2013-S02"] * 10 + ["2013-S03"] * 30
    some = lake.read(TABLE, ["2013-S03", "2013-S02"], ["delay"], [("carrier", "=", "UA"), ("delay", "<", 3)])
    assert some.columns.tolist() == ["delay"]
    assert len(some) == 5


def test_reading_one_sprint_opens_only_its_files(lake):
    for key in ("2013-S01", "2013-S02"):
        lake.write(TABLE, key, departures(), "flight")
    for file in lake.path(TABLE).glob("sprint=2013-S02/*.parquet"):
        file.write_bytes(b"spoiled")
    assert len(lake.read(TABLE, "2013-S01")) == 50
    assert lake.data_version(TABLE, "2013-S01", recompute=True)


def test_opening_a_table_does_not_grow_with_its_history(lake):
    for i in range(25):
        lake.write(TABLE, "2013-S01", departures(delay=i), "flight")
    newest = max(
        int(file.name.split(".")[0]) for file in lake.path(TABLE).glob("_delta_log/*.checkpoint.parquet")
    )
    assert delta_version(lake) - newest <= 10
    assert len(list(lake.path(TABLE).glob("_sprintline/*"))) == 1


# --- schema


def test_what_another_process_commits_restores_or_damages_is_seen_at_once(lake):
    other = Lake(lake.root)
    first = lake.write(TABLE, "2013-S01", departures(), "flight")
    assert other.data_version(TABLE, "2013-S01") == first.data_version
    assert other.rows(TABLE, "2013-S02") is None
    second = lake.write(TABLE, "2013-S01", departures(delay=1.0), "flight")
    lake.write(TABLE, "2013-S02", departures(10), "flight")
    assert other.data_version(TABLE, "2013-S01") == second.data_version
    assert other.rows(TABLE, "2013-S02") == 10
    DeltaTable(lake.path(TABLE)).restore(1)
    assert other.data_version(TABLE, "2013-S01") == first.data_version
    assert not other.has(TABLE, "2013-S02")
    newest = max((lake.path(TABLE) / "_delta_log").glob("*.json"))
    newest.write_text("{")
    with pytest.raises(LakeError, match="damaged or cut"):
        other.has(TABLE, "2013-S01")


def test_a_new_column_joins_and_leaves_the_versions_of_earlier_sprints(lake):
    version = lake.write(TABLE, "2013-S01", departures(), "flight").data_version
    lake.write(TABLE, "2013-S02", departures().assign(gate="A1"), "flight")
    assert lake.data_version(TABLE, "2013-S01", recompute=True) == version
    assert lake.read(TABLE, "2013-S01")["gate"].isna().all()
    assert not lake.write(TABLE, "2013-S01", departures(), "flight").changed
    empty = lake.write(TABLE, "2013-S01", departures().assign(stand=np.nan), "flight")
    assert empty.data_version == version
    assert "stand" in lake.read(TABLE, "2013-S02").columns


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"carrier": 1}, r"column carrier: holds int64, values that are not string"),
        ({"delay": "1"}, r"column delay: holds string, values that are not double"),
        ({"flight": 0.5}, r"column flight: holds double with values that are not int64"),
        ({"event_at": pd.Timestamp("2013-01-01")}, r"column event_at.*without time zone.*tz_localize"),
        ({"event_at": pd.Timestamp("2013-01-01T00:00:00.000000001Z")}, r"column event_at.*floor\('us'\)"),
        ({"delay": [1, "a"] * 25}, r"column delay: holds values of more than one type"),
        ({"late": pd.Timedelta("1h")}, r"column late: holds duration"),
        ({"odd name": 1}, r"columns \['odd name'\] cannot be kept"),
        ({"Delay": 1}, r"same name but for case"),
        ({"sprint": "2013-S02"}, r"holds rows of sprint \['2013-S02'\]"),
    ],
)
def test_what_the_table_does_not_keep_is_refused_with_place_and_mend(lake, changed, told):
    lake.write(TABLE, "2013-S01", departures(), "flight")
    with pytest.raises(LakeError, match=told) as error:
        lake.write(TABLE, "2013-S01", departures().assign(**changed), "flight")
    assert TABLE in str(error.value)
    assert delta_version(lake) == 1


def test_numbers_fit_the_type_the_table_keeps_when_no_value_changes(lake):
    lake.write(TABLE, "2013-S01", departures(), "flight")
    whole = departures().assign(delay=range(50), flight=np.arange(50.0), seats=None, carrier=None)
    lake.write(TABLE, "2013-S02", whole, "flight")
    kept = lake.read(TABLE, "2013-S02")
    assert (kept["delay"].dtype, kept["flight"].dtype) == ("float64", "int64")


@pytest.mark.parametrize(
    "name", ["departures", "Flights/departures", "flights/../x", "flights/a b", "a/b/c", "/a", "a/"]
)
def test_odd_table_names_are_refused(lake, name):
    with pytest.raises(LakeError, match="not the name of a lake table"):
        lake.write(name, "2013-S01", departures(), "flight")


def test_other_wrong_calls_are_told(lake):
    with pytest.raises(LakeError, match="does not exist"):
        lake.read(TABLE, "2013-S01")
    assert lake.read(TABLE, "2013-S01", ["flight"], missing_ok=True).columns.tolist() == ["flight"]
    assert (
        lake.has(TABLE, "2013-S01"),
        lake.rows(TABLE, "2013-S01"),
        lake.data_version(TABLE, "2013-S01"),
    ) == (
        False,
        None,
        None,
    )
    with pytest.raises(LakeError, match="no rows to write"):
        lake.write(TABLE, "2013-S01", departures(0), "flight")
    with pytest.raises(LakeError, match="not a sprint key"):
        lake.write(TABLE, "x' OR '1'='1", departures(), "flight")
    with pytest.raises(LakeError, match=r"ordered by \['hour'\]"):
        lake.write(TABLE, "2013-S01", departures(), "hour")
    assert lake.tables("flights") == []
    lake.write(TABLE, "2013-S01", departures(), "flight")
    with pytest.raises(LakeError, match="has no rows of sprint 2013-S02"):
        lake.read(TABLE, ["2013-S01", "2013-S02"])
    empty = lake.read(TABLE, "2013-S02", missing_ok=True)
    assert len(empty) == 0
    assert str(empty["event_at"].dtype) == "datetime64[us, UTC]"
    with pytest.raises(LakeError, match="no column gate"):
        lake.read(TABLE, "2013-S01", ["gate"])
    (lake.path(TABLE) / "_delta_log" / f"{1:020}.json").write_text("spoiled")
    with pytest.raises(LakeError, match=r"log in .* is damaged"):
        lake.read(TABLE, "2013-S01")


# --- at once, killed, full


def write_some(root, start, worker, keys):
    start.wait()
    lake = Lake(root)
    for key in keys:
        lake.write(TABLE, key, departures(delay=worker), "flight")


@pytest.mark.parametrize("same", [False, True], ids=["different sprints", "the same sprint"])
def test_writers_at_once_also_create_the_table(lake, same):
    start = SPAWN.Event()
    keys = [
        ["2013-S01"] * 5 if same else [f"2013-S{worker * 5 + i:02d}" for i in range(5)] for worker in range(4)
    ]
    workers = [SPAWN.Process(target=write_some, args=(lake.root, start, i, keys[i])) for i in range(4)]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    kept = lake.read(TABLE)
    assert kept.groupby("sprint").size().tolist() == ([50] if same else [50] * 20)
    for key in lake.sprints(TABLE):
        assert lake.data_version(TABLE, key) == lake.data_version(TABLE, key, recompute=True)
        assert kept[kept["sprint"] == key]["delay"].apply(np.floor).nunique() <= 2


WRITER = """
import sys
import numpy as np
import pandas as pd
from sprintline.lake.tables import Lake
lake, delay = Lake(sys.argv[1]), int(sys.argv[2])
frame = pd.DataFrame({"flight": np.arange(20_000), "noise": np.random.default_rng(0).normal(size=20_000)})
while True:
    delay += 1
    lake.write("flights/departures", "2013-S01", frame.assign(delay=delay), "flight")
    print(delay, flush=True)
"""


@pytest.mark.fault
@pytest.mark.slow
def test_a_writer_killed_anywhere_leaves_the_old_rows_or_the_new(lake, tmp_path):
    lake.write(
        TABLE, "2013-S02", departures().assign(delay=7, noise=0.5)[["flight", "delay", "noise"]], "flight"
    )
    chance = random.Random(1)
    acknowledged = 0
    for _ in range(15):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(lake.root), str(acknowledged)]
        writer = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert writer.stdout is not None
        first = int(writer.stdout.readline())
        time.sleep(chance.uniform(0, 0.3))
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        acknowledged = max([first, *told])
        kept = lake.read(TABLE, "2013-S01")
        assert kept["flight"].tolist() == list(range(20_000))
        assert kept["delay"].nunique() == 1
        assert kept["delay"][0] in (acknowledged, acknowledged + 1)  # every acknowledged write survives
        assert lake.data_version(TABLE, "2013-S01") == lake.data_version(TABLE, "2013-S01", recompute=True)
        assert lake.rows(TABLE, "2013-S02") == 50
        acknowledged = int(kept["delay"][0])
    assert lake.write(TABLE, "2013-S01", kept, "flight").changed is False


def fill_the_disk(root, limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    frame = pd.DataFrame({"flight": np.arange(20_000), "noise": np.random.default_rng(1).normal(size=20_000)})
    try:
        Lake(root).write("flights/noise", "2013-S01", frame, "flight")
    except LakeError as error:
        os._exit(3 if "free or repair the disk" in str(error) else 4)
    os._exit(0)


@pytest.mark.fault
@pytest.mark.parametrize("limit", [100, 800, 5_000, 60_000])
def test_a_full_disk_leaves_the_rows_before_and_says_what_to_do(lake, limit):
    frame = pd.DataFrame({"flight": [1, 2], "noise": [0.5, 0.25]})
    version = lake.write("flights/noise", "2013-S01", frame, "flight").data_version
    writer = SPAWN.Process(target=fill_the_disk, args=(lake.root, limit))
    writer.start()
    writer.join(60)
    assert writer.exitcode == 3
    assert lake.data_version("flights/noise", "2013-S01", recompute=True) == version
    assert lake.write("flights/noise", "2013-S01", frame.assign(noise=1.5), "flight").changed


@pytest.mark.fault
def test_a_checkpoint_that_finds_the_disk_full_does_not_deny_the_commit(lake):
    """The tenth commit is followed by a checkpoint, larger than the commit itself."""
    frame = pd.DataFrame({"flight": [1, 2], "noise": [0.5, 0.25]})
    for i in range(8):
        lake.write("flights/noise", "2013-S01", frame.assign(noise=i + 0.5), "flight")
    writer = SPAWN.Process(target=write_with_little_room, args=(lake.root, frame))
    writer.start()
    writer.join(60)
    assert writer.exitcode == 0
    assert delta_version(lake, "flights/noise") == 9
    assert not list(lake.path("flights/noise").glob("_delta_log/*.checkpoint.parquet"))
    assert lake.read("flights/noise")["noise"].tolist() == [99.5, 99.5]


def write_with_little_room(root, frame):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    Lake(root).write("flights/noise", "2013-S01", frame.assign(noise=99.5), "flight")


# --- columns without a value


@pytest.mark.parametrize(
    ("logical", "value"),
    [("date", pd.Timestamp("2026-01-15").date()), ("timestamp", pd.Timestamp("2026-01-15", tz="UTC")),
     ("boolean", True), ("integer", 2**60 + 1), ("number", 1.5), ("string", "a")],
)  # fmt: skip
@pytest.mark.parametrize("empty", [None, float("nan")])
def test_a_column_empty_at_first_has_its_declared_type(lake, logical, value, empty):
    types = {"reviewed": logical}
    lake.write(TABLE, "2013-S01", pd.DataFrame({"id": [1, 2], "reviewed": [empty, empty]}), "id", types)
    later = pd.DataFrame({"id": [1, 2], "reviewed": pd.Series([value, None], dtype=object)})
    lake.write(TABLE, "2013-S02", later, "id", types)
    kept = lake.read(TABLE, ["2013-S01", "2013-S02"])["reviewed"]
    assert kept[2] == value and kept.isna().tolist() == [True, True, False, True]


def test_a_column_that_is_added_later_and_empty_has_its_declared_type(lake):
    lake.write(TABLE, "2013-S01", pd.DataFrame({"id": [1]}), "id")
    for sprint, value in (("2013-S02", None), ("2013-S03", pd.Timestamp("2026-01-15").date())):
        rows = pd.DataFrame({"id": [1], "reviewed": pd.Series([value], dtype=object)})
        lake.write(TABLE, sprint, rows, "id", {"reviewed": "date"})
    assert lake.read(TABLE, "2013-S03")["reviewed"][0] == pd.Timestamp("2026-01-15").date()
