"""Dagster's storage with kept connections: the same files and tables, read by Dagster's own, shared by processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from sprintline.hosting import storage
from sprintline.hosting.instance import environment, prepare

WRITER = """
import sys
import dagster as dg

@dg.asset(key=sys.argv[1], check_specs=[dg.AssetCheckSpec(f"c{i}", asset=sys.argv[1]) for i in range(20)])
def made():
    yield dg.MaterializeResult(metadata={"by": sys.argv[1]})
    for i in range(20):
        yield dg.AssetCheckResult(check_name=f"c{i}", passed=True)

with dg.DagsterInstance.get() as instance:
    assert dg.materialize([made], instance=instance).success
"""


@pytest.fixture
def prepared(home, monkeypatch) -> Path:
    folder = prepare(home)
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    return folder


def write(*names: str) -> None:
    """Materialize an asset of each name and its twenty checks, each in a process of its own, all at once."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WRITER, name],
            env=dict(os.environ), stderr=subprocess.PIPE, text=True,
        )
        for name in names
    ]  # fmt: skip
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said[-2000:]


def materialized(records: dg.DagsterInstance | DagsterSqliteStorage, name: str) -> str | None:
    log = records.event_log_storage
    found = log.fetch_materializations(dg.AssetKey(name), limit=1).records
    return found[0].asset_materialization.metadata["by"].value if found else None


@pytest.mark.slow
def test_processes_write_side_by_side_and_dagsters_own_storage_reads_it(prepared):
    write("one", "two", "three")
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, storage.PooledEvents)
        assert isinstance(instance.run_storage, storage.PooledRuns)
        assert isinstance(instance.schedule_storage, storage.PooledSchedules)
        assert {run.status for run in instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}
        for run in instance.get_runs():
            kinds = [entry.dagster_event_type for entry in instance.all_logs(run.run_id)]
            assert kinds.count(dg.DagsterEventType.ASSET_CHECK_EVALUATION) == 20
    plain = DagsterSqliteStorage.from_local(str(prepared))
    assert [materialized(plain, name) for name in ("one", "two", "three", "four")] == [
        "one",
        "two",
        "three",
        None,
    ]


def test_a_connection_is_kept_and_synchronises_at_checkpoints(prepared):
    with dg.DagsterInstance.get() as instance:
        runs = instance.run_storage
        with runs.connect() as first:
            kept = first.connection.driver_connection
            assert first.exec_driver_sql("PRAGMA synchronous").scalar() == 1
            assert first.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        with runs.connect() as second:
            assert second.connection.driver_connection is kept


def test_what_fails_inside_is_rolled_back(prepared):
    with dg.DagsterInstance.get() as instance:
        runs = instance.run_storage
        with pytest.raises(ZeroDivisionError), runs.connect() as connection:
            connection.exec_driver_sql("INSERT INTO kvs (key, value) VALUES ('half', 'written')")
            _ = 1 / 0
        assert runs.get_cursor_values({"half"}) == {}
