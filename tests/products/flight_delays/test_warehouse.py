"""The warehouse on real flights of the two sprints around the change to summer time, 2013-S05 and 2013-S06."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from products.flight_delays import sources
from sprintline.base.hashing import frame_hash
from sprintline.base.settings import Home
from sprintline.lake.tables import Lake
from sprintline.product.calendar import Calendar
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.runner import close_file, environment

CALENDAR = Calendar(date(2013, 1, 1), 14, "America/New_York", date(2014, 1, 1))
FIRST, SECOND = "2013-S05", "2013-S06"
FLIGHT = ["carrier", "flight", "origin", "dest", "event_at"]
GRAIN = {"departures": FLIGHT, "arrivals": FLIGHT, "weather": ["origin", "event_at"]}


def fill(home: Home, sprint: str) -> None:
    lake = Lake(home.lake)
    for name, frame in sources.provide(CALENDAR.window(sprint)).items():
        lake.write(f"flight_delays/{name}", sprint, getattr(sources, name)(frame), GRAIN[name])


def contents(warehouse: Warehouse, sprint: str) -> dict[str, str]:
    """Hash of each model's rows of a sprint, whatever their order."""
    hashes = {}
    for name, relation in warehouse.relations().items():
        rows = warehouse.query(f"select * from {relation} where sprint = ? order by all", [sprint])
        hashes[name] = frame_hash(rows)
    return hashes


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    home = Home(tmp_path_factory.mktemp("home"))
    for sprint in (FIRST, SECOND):
        fill(home, sprint)
    warehouse = Warehouse("flight_delays", home)
    assert warehouse.build(FIRST).ok
    assert warehouse.build(SECOND).ok
    return warehouse


@pytest.mark.slow
def test_a_sprint_is_built_alone_and_twice_the_same(built: Warehouse) -> None:
    before = {sprint: contents(built, sprint) for sprint in (FIRST, SECOND)}
    result = built.build(SECOND)
    assert result.ok
    assert not result.parsed
    assert {sprint: contents(built, sprint) for sprint in (FIRST, SECOND)} == before
    assert before[FIRST] != before[SECOND]
    for name, rows in built.rows().items():
        assert rows == built.rows(FIRST)[name] + built.rows(SECOND)[name]


@pytest.mark.slow
def test_results_tell_models_tests_and_rules(built: Warehouse) -> None:
    result = built.build(SECOND, ["questions"])
    assert [node.name for node in result.models] == ["questions"]
    assert {test.model for test in result.tests} == {"questions"}
    unique = next(test for test in result.tests if test.name == "unique_questions_question_id")
    assert (unique.meta["rule"], unique.column, unique.status, unique.failures) == (
        "DQ201",
        "question_id",
        "pass",
        0,
    )
    assert unique.file == "models/flight_delays/marts/questions.yml"
    columns = {column.name: column for column in built.table_columns()["questions"]}
    assert columns["question_at"].data_type == "timestamptz"
    assert all(column.description for column in columns.values())
    moments = built.query(
        "select question_at from marts.questions where sprint = $sprint limit 1", {"sprint": SECOND}
    )
    assert str(moments["question_at"].dtype) == "datetime64[us, UTC]"


@pytest.mark.slow
def test_another_sprint_causes_no_parse(built: Warehouse) -> None:
    """Asked of dbt itself, which is given no manifest and decides by its own partial parsing."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    seen: list[str] = []
    for sprint in (FIRST, SECOND):
        with environment(built.environment(sprint)):
            runner = dbtRunner(callbacks=[lambda event: seen.append(event.info.name)])
            outcome = runner.invoke(["--quiet", "--log-level", "none", "compile", "--select", "stg_weather"])
            close_file(DuckDBConnectionManager)
        assert outcome.success
        assert f"sprint = '{sprint}'" in outcome.result.results[0].node.compiled_code
    assert seen.count("PartialParsingSkipParsing") == 2
    assert not {
        "UnableToPartialParse",
        "PartialParsingFullReparseBecauseOfError",
        "PartialParsingFile",
    } & set(seen)


@pytest.mark.slow
def test_a_source_that_became_empty_empties_the_sprint(built: Warehouse, tmp_path: Path) -> None:
    from deltalake import DeltaTable

    home = Home(tmp_path / "home")
    shutil.copytree(built.home.lake, home.lake)
    shutil.copytree(built.file.parent, home.warehouse_file("flight_delays").parent)
    warehouse = Warehouse("flight_delays", home)
    before = contents(warehouse, FIRST)
    for name in GRAIN:
        DeltaTable(home.lake / "flight_delays" / name).delete(f"sprint = '{SECOND}'")
    warehouse.build(SECOND)
    assert set(warehouse.rows(SECOND).values()) == {0}
    assert set(warehouse.rows(SECOND).values()) == {0}
    assert contents(warehouse, FIRST) == before


@pytest.mark.slow
def test_a_broken_rule_is_a_finding_and_stops_what_depends_on_it(built: Warehouse, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(built.file.parent, home.warehouse_file("flight_delays").parent)
    fill(home, SECOND)
    lake = Lake(home.lake)
    departures = lake.read("flight_delays/departures", [SECOND])
    departures.loc[0, "origin"] = "BOS"
    lake.write("flight_delays/departures", SECOND, departures, FLIGHT)
    result = Warehouse("flight_delays", home).build(SECOND)
    broken = [test for test in result.tests if test.status == "fail"]
    assert not result.ok
    assert [(test.meta["rule"], test.model, test.column, test.failures) for test in broken] == [
        ("DQ204", "stg_departures", "origin", 1)
    ]
    assert {node.name for node in result.models if node.status == "skipped"} >= {"int_flights", "questions"}
    assert {node.name for node in result.models if node.status == "success"} >= {
        "stg_weather",
        "weather_hours",
    }


@pytest.mark.slow
def test_compiled_sql_builds_what_dbt_builds(built: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    by_dbt = {sprint: contents(built, sprint) for sprint in (FIRST, SECOND)}
    nodes = {
        node.unique_id: node
        for node in built._run(SECOND, ["build", "--exclude-resource-type", "unit_test"]).nodes
    }
    built.build(SECOND)  # compiles, if no one did
    with monkeypatch.context() as away:
        away.setattr(built, "_dbt", lambda *_: pytest.fail("dbt was called"))
        assert built.build(SECOND).ok
    assert {sprint: contents(built, sprint) for sprint in (FIRST, SECOND)} == by_dbt
    again = {node.unique_id: node for node in built.build(SECOND).nodes}
    assert again.keys() == nodes.keys()
    for key, node in again.items():
        told = nodes[key]
        assert (node.name, node.status, node.failures, node.meta, node.model, node.column, node.file) == (
            (told.name, told.status, told.failures, told.meta, told.model, told.column, told.file)
        )
