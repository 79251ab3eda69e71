"""Rows of earlier sprints in the lake are compared with what was recorded of them, however they were changed."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.measured_facts import facts

from sprintline.base.steps import StepFailed
from sprintline.lake.opened import OpenTables
from sprintline.lake.recorded import NOTHING_WRITTEN, changed_in_lake, refuse_lost
from sprintline.lake.tables import Lake

FIRST, SECOND, THIRD = "2013-S01", "2013-S02", "2013-S03"


def rows(runtime, sprint: str, change: int = 0) -> pd.DataFrame:
    moment = runtime.window(sprint).start + timedelta(hours=5)
    stamps = pd.to_datetime(pd.Series([moment] * 4), utc=True).astype("datetime64[us, UTC]")
    return pd.DataFrame(
        {"key": list("abcd"), "value": [1.0 + change, 2.0, 3.0, 4.0], "event_timestamp": stamps}
    )


@pytest.fixture
def two(flights):
    """Two sprints of two tables, written and recorded as their assets do."""
    for table in ("weather", "origin_weather"):
        for sprint in (FIRST, SECOND):
            commit = flights[Lake].write(flights.table(table), sprint, rows(flights, sprint), "key")
            kind = "source" if table == "weather" else "feature_view"
            flights.measure(table, sprint, commit.data_version, facts(kind, rows=4))
    return flights


def table_of(runtime, name: str = "weather") -> Path:
    return runtime[Lake].path(runtime.table(name))


def commits(runtime) -> list[Path]:
    return sorted((table_of(runtime) / "_delta_log").glob("0*.json"))


def data_file(runtime, sprint: str = SECOND) -> Path:
    (file,) = (table_of(runtime) / f"sprint={sprint}").glob("*.parquet")
    return file


def found(runtime, *sprints: str) -> list[tuple[str, str]]:
    fresh = Lake(runtime.home.lake)  # as another process sees it
    runtime.opened[Lake] = fresh
    return [
        (one.sprint, one.asset) for one in changed_in_lake(runtime, ["weather", "origin_weather"], sprints)
    ]


def test_what_is_as_recorded_is_not_reported(two):
    assert found(two, FIRST, SECOND, THIRD) == []
    refuse_lost(two, THIRD, ["weather"], 2)
    two.measure("predictions", SECOND, NOTHING_WRITTEN, {"rows": 0, "champion": None})
    assert changed_in_lake(two, ["predictions"], [SECOND]) == [], "nothing was written, so nothing is missing"


def value_changed(runtime) -> None:
    runtime[Lake].write(runtime.table("weather"), SECOND, rows(runtime, SECOND, 1), "key")


def row_added(runtime) -> None:
    delta = DeltaTable(table_of(runtime))
    write_deltalake(
        delta, delta.to_pyarrow_table(filters=[("sprint", "=", SECOND)]).slice(0, 1), mode="append"
    )


def row_deleted(runtime) -> None:
    DeltaTable(table_of(runtime)).delete(f"sprint = '{SECOND}' and key = 'a'")


def partition_deleted(runtime) -> None:
    DeltaTable(table_of(runtime)).delete(f"sprint = '{SECOND}'")


def file_changed_in_place(runtime) -> None:
    """The same name, size, rows and moment of change: only the bytes differ."""
    file = data_file(runtime)
    before, table = file.stat(), pq.read_table(file, partitioning=None)
    values = pa.array([9.0, *table.column("value").to_pylist()[1:]])
    changed = table.set_column(table.column_names.index("value"), "value", values)
    pq.write_table(changed, file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def file_cut(runtime) -> None:
    os.truncate(data_file(runtime), 100)


def file_replaced_by_the_other_sprints(runtime) -> None:
    data_file(runtime).write_bytes(data_file(runtime, FIRST).read_bytes())
    os.utime(data_file(runtime))


CHANGES = [
    value_changed,
    row_added,
    row_deleted,
    partition_deleted,
    file_changed_in_place,
    file_cut,
    file_replaced_by_the_other_sprints,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_any_change_of_a_sprint_is_found_and_named(two, change):
    found(two, FIRST, SECOND)  # hashes are cached
    change(two)
    assert found(two, FIRST, SECOND) == [(SECOND, "weather")]
    assert found(two, FIRST) == []
    with pytest.raises(StepFailed) as refused:
        refuse_lost(two, THIRD, ["weather"], 2)
    told = str(refused.value)
    assert told.startswith(
        f"{THIRD} depends on rows that are not as recorded: weather of {SECOND} in the lake"
    )
    assert "sprintline recover flight_delays" in told and f"materialize {SECOND} again" in told


@pytest.mark.parametrize(
    "lose",
    [
        lambda runtime: data_file(runtime).unlink(),
        lambda runtime: commits(runtime)[-1].unlink(),
        lambda runtime: commits(runtime)[-1].write_text(""),
    ],
    ids=["data file removed", "newest commit removed", "newest commit emptied"],
)
def test_what_is_gone_is_found(two, lose):
    found(two, FIRST, SECOND)
    lose(two)
    assert found(two, FIRST, SECOND) == [(SECOND, "weather")]
    assert two[Lake].data_version(two.table("weather"), SECOND) is None


@pytest.mark.parametrize("at", [-1, 1], ids=["newest", "older"])
def test_a_commit_that_is_cut_leaves_the_whole_table_unreadable(two, at):
    os.truncate(commits(two)[at], 40)
    assert found(two, FIRST, SECOND) == [(FIRST, "weather"), (SECOND, "weather")]
    with pytest.raises(StepFailed, match="log is damaged or cut"):
        refuse_lost(two, THIRD, ["weather"], 1)


def test_an_open_table_notices_that_an_older_commit_is_gone(two):
    """The listing of a table is cached while its newest commit is the same, and that one still is."""
    lake = two[Lake]
    assert lake.data_version(two.table("weather"), FIRST)
    commits(two)[1].write_text("")
    assert lake.data_version(two.table("weather"), FIRST) is None
    assert lake.data_version(two.table("weather"), SECOND)


def test_rows_of_a_sprint_in_another_ones_partition_are_found_where_rows_are_read_by_time(two):
    lake, table = two[Lake], two.table("origin_weather")
    stray = pd.concat([rows(two, FIRST), rows(two, SECOND, 5)], ignore_index=True)
    commit = lake.write(table, FIRST, stray, ["key", "value"])
    two.measure("origin_weather", FIRST, commit.data_version, facts("feature_view", rows=8))
    assert changed_in_lake(two, ["origin_weather"], [SECOND]) == []
    (strayed,) = changed_in_lake(two, ["origin_weather"], [SECOND], moments="event_timestamp")
    assert (strayed.sprint, strayed.asset) == (FIRST, "origin_weather")
    assert "it has rows of" in strayed.why


def test_a_sprint_that_is_written_again_replaces_a_file_that_is_gone(two):
    """The content is the one that was recorded, so only a look at the disk says that it has to be written."""
    data_file(two).unlink()
    commit = two[Lake].write(two.table("weather"), SECOND, rows(two, SECOND), "key")
    assert commit.changed and found(two, FIRST, SECOND) == []


def test_no_rows_are_read_where_nothing_changed(two, monkeypatch):
    found(two, FIRST, SECOND)
    monkeypatch.setattr(OpenTables, "dataset", lambda *_: pytest.fail("rows were read"))
    assert found(two, FIRST, SECOND) == []
