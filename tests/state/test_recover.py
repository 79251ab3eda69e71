"""Rows of the lake that are not as recorded come back from the table's own folder, and only with recorded content."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable
from tests.measured_facts import facts

from sprintline.cli import main as command
from sprintline.lake.recorded import changed_in_lake
from sprintline.lake.tables import Lake
from sprintline.product.runtime import Runtime
from sprintline.state.recover import recover

SPRINTS = ["2013-S01", "2013-S02", "2013-S03"]


def rows(sprint: str, change: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame(
        {"key": list("abc"), "value": [float(sprint[-1]) + change, 2.0, 3.0], "note": [None, "n", None]}
    )


@pytest.fixture
def product(flights: Runtime) -> Runtime:
    for sprint in SPRINTS:
        commit = flights[Lake].write(flights.table("weather"), sprint, rows(sprint), "key")
        flights.measure("weather", sprint, commit.data_version, facts("source", rows=3))
    return flights


def table_of(runtime: Runtime) -> Path:
    return runtime[Lake].path(runtime.table("weather"))


def log_of(runtime: Runtime) -> list[Path]:
    return sorted((table_of(runtime) / "_delta_log").glob("0*.json"))


def changed(runtime: Runtime) -> list[str]:
    runtime.opened[Lake] = Lake(runtime.home.lake)
    return [one.sprint for one in changed_in_lake(runtime, ["weather"], SPRINTS)]


def overwritten(runtime: Runtime) -> None:
    runtime[Lake].write(runtime.table("weather"), SPRINTS[1], rows(SPRINTS[1], 5.0), "key")


def deleted(runtime: Runtime) -> None:
    DeltaTable(table_of(runtime)).delete(f"sprint = '{SPRINTS[1]}'")


def newest_commit_removed(runtime: Runtime) -> None:
    log_of(runtime)[-1].unlink()


def older_commit_emptied(runtime: Runtime) -> None:
    log_of(runtime)[2].write_text("")


def commit_between_removed(runtime: Runtime) -> None:
    log_of(runtime)[2].unlink()


def log_deleted(runtime: Runtime) -> None:
    shutil.rmtree(table_of(runtime) / "_delta_log")


WAYS = [
    overwritten,
    deleted,
    newest_commit_removed,
    older_commit_emptied,
    commit_between_removed,
    log_deleted,
]


@pytest.mark.parametrize("lose", WAYS, ids=lambda one: one.__name__)
def test_what_is_still_in_the_folder_comes_back(product, lose):
    lose(product)
    lost = changed(product)
    assert lost
    would = recover(product, "me", dry=True)
    assert sorted(one.changed.sprint for one in would) == changed(product) == lost, "a look changes nothing"
    done = recover(product, "me")
    assert [bool(one.source) for one in done] == [True] * len(lost), done
    assert changed(product) == []
    for sprint in SPRINTS:
        pd.testing.assert_frame_equal(
            product[Lake].read(product.table("weather"), sprint)[["key", "value"]],
            rows(sprint)[["key", "value"]],
        )
    (event,) = product.records.events(product=product.product, kind="repaired")
    assert event.body["store"] == "lake" and event.actor == "me" and len(event.body["what"]) == len(lost)
    assert recover(product, "me") == []


def test_what_is_nowhere_any_more_is_said_and_left(product):
    (file,) = (table_of(product) / f"sprint={SPRINTS[1]}").glob("*.parquet")
    file.write_bytes((next((table_of(product) / f"sprint={SPRINTS[0]}").glob("*.parquet"))).read_bytes())
    (one,) = recover(product, "me")
    assert (one.changed.sprint, one.source) == (SPRINTS[1], "")
    assert changed(product) == [SPRINTS[1]]
    assert not product.records.events(product=product.product, kind="repaired")


def test_the_command_says_what_came_from_where_and_what_to_do_about_the_rest(product, monkeypatch, capsys):
    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sprintline", "recover", "flight_delays", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.main()
        return ended.value.code, capsys.readouterr().out

    assert call() == (0, "Every lake table of flight_delays is as it was recorded.\n")
    overwritten(product)
    code, out = call("--dry-run")
    assert code == 0 and "could be put back from version 2 of the table" in out
    code, out = call("--json")
    told = json.loads(out)
    assert (code, told["tables"][0]["asset"], told["tables"][0]["source"]) == (
        0,
        "weather",
        "version 2 of the table",
    )
    shutil.rmtree(table_of(product))
    code, out = call("--by", "ada")
    assert code == 1 and "Materialize 2013-S01, 2013-S02, 2013-S03 again (job flight_delays_closing)" in out
