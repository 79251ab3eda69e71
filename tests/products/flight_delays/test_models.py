"""flight_delays' models: what they declare, and that their figures agree on two real sprints.

The first of them holds 10 March 2013, when New York's clocks went forward.
"""

from __future__ import annotations

import json
from datetime import date

import pandas as pd
import pytest

from products.flight_delays import sources
from sprintline.base.settings import ROOT, Home
from sprintline.lake.tables import Lake
from sprintline.product.calendar import Calendar
from sprintline.warehouse.dbt import Warehouse

CALENDAR = Calendar(date(2013, 1, 1), 14, "America/New_York", date(2014, 1, 1))
SPRINTS = ["2013-S05", "2013-S06"]
MODELS = ROOT / "dbt_project" / "models" / "flight_delays"
FLIGHT = ["carrier", "flight", "origin", "dest", "event_at"]
GRAIN = {"departures": FLIGHT, "arrivals": FLIGHT, "weather": ["origin", "event_at"]}
RULES = {
    "unique": "DQ201",
    "unique_together": "DQ201",
    "not_null": "DQ202",
    "not_null_columns": "DQ202",
    "relationships": "DQ203",
    "accepted_values": "DQ204",
    "holds": "DQ205",
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    home = Home(tmp_path_factory.mktemp("home"))
    lake = Lake(home.lake)
    for sprint in SPRINTS:
        for name, frame in sources.provide(CALENDAR.window(sprint)).items():
            lake.write(f"flight_delays/{name}", sprint, getattr(sources, name)(frame), GRAIN[name])
    warehouse = Warehouse("flight_delays", home)
    for sprint in SPRINTS:
        result = warehouse.build(sprint)
        assert result.ok, [
            (node.name, node.message) for node in result.nodes if node.status not in {"success", "pass"}
        ]
    return warehouse


@pytest.fixture(scope="module")
def manifest(warehouse: Warehouse) -> dict:
    return json.loads(warehouse.ensure_manifest().read_text())


def provided(source: str) -> pd.DataFrame:
    return pd.concat([sources.provide(CALENDAR.window(sprint))[source] for sprint in SPRINTS])


def one(warehouse: Warehouse, sql: str) -> list:
    return warehouse.query(sql).iloc[0].tolist()


def test_every_model_has_its_yml_grain_contract_and_descriptions(manifest: dict) -> None:
    assert {path.stem for path in MODELS.rglob("*.sql")} == {path.stem for path in MODELS.rglob("*.yml")} - {
        "sources"
    }
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert len(models) == len(list(MODELS.rglob("*.sql")))
    for node in models:
        assert node["config"]["contract"]["enforced"], node["name"]
        assert node["config"]["incremental_strategy"] == "sprint", node["name"]
        assert "Grain: one row per" in node["description"], node["name"]
        assert "sprint" in node["columns"], node["name"]
        for column in node["columns"].values():
            assert column["description"], (node["name"], column["name"])
            assert column["data_type"], (node["name"], column["name"])
    for source in manifest["sources"].values():
        assert all(column["description"] and column["data_type"] for column in source["columns"].values())


def test_every_data_test_belongs_to_a_coded_rule(manifest: dict) -> None:
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert {node["config"]["meta"].get("rule") for node in tests} == set(RULES.values())
    for node in tests:
        assert node["config"]["meta"].get("rule") == RULES[node["test_metadata"]["name"]], node["name"]
    judged = {node["attached_node"] for node in tests}
    assert judged == {key for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def test_every_computing_model_has_a_unit_test(manifest: dict) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    models = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    assert tested == {name for name in models if not name.startswith("stg_")}


@pytest.mark.slow
def test_unit_tests_pass_without_any_data(tmp_path) -> None:
    result = Warehouse("flight_delays", Home(tmp_path)).test_units()
    assert result.ok, [(node.name, node.message) for node in result.nodes]
    assert len(result.nodes) >= 11
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_counts_add_up_from_files_to_marts(warehouse: Warehouse) -> None:
    departures, arrivals, weather = provided("departures"), provided("arrivals"), provided("weather")
    cancelled, on_record = departures["dep_time"].isna().sum(), arrivals["arr_delay"].notna().sum()
    rows = warehouse.rows()
    assert rows["questions"] == rows["flights"] == rows["int_flights"] == len(departures)
    assert rows["outcomes"] == on_record
    assert rows["weather_hours"] == len(weather)
    assert rows["int_known_delays"] == len(departures) + on_record
    late = (arrivals["arr_delay"] > 15).sum()
    assert one(warehouse, "select count(*) from marts.outcomes where late") == [late]
    assert one(
        warehouse,
        "select count(*) filter (status = 'cancelled'), count(*) filter (status = 'arrived') from marts.flights",
    ) == [cancelled, on_record]
    left, late_left = len(departures) - cancelled, (departures["dep_delay"] > 15).sum()
    capped = departures["dep_delay"].clip(upper=360).sum()
    for mart in [name for name in rows if name.endswith("_hours") and name != "weather_hours"]:
        counted = one(
            warehouse,
            "select sum(departed), sum(late_departures), sum(cancelled), sum(arrived), sum(late_arrivals), "
            f"sum(departure_delay_minutes) from marts.{mart}",
        )
        assert counted == [left, late_left, cancelled, on_record, late, capped], mart


@pytest.mark.slow
def test_the_clock_of_a_question_is_that_of_the_timetable(warehouse: Warehouse) -> None:
    wrong = warehouse.query(
        "select * from marts.questions "
        "join staging.stg_departures using (carrier, flight, origin, destination, event_at) "
        "where scheduled_hour * 100 + scheduled_minute <> scheduled_departure_clock"
    )
    assert wrong.empty
    days = one(
        warehouse,
        "select count(distinct day_of_year), min(day_of_year), max(day_of_year) from marts.questions",
    )
    assert days == [28, 57, 84]
    assert one(warehouse, "select count(*) - count(distinct question_id) from marts.questions") == [0]


@pytest.mark.slow
def test_nothing_is_counted_before_it_is_known(warehouse: Warehouse) -> None:
    for mart in [
        name for name in warehouse.relations() if name.endswith("_hours") and name != "weather_hours"
    ]:
        bounds = f"select min(known_hour - last_known_at), max(known_hour - last_known_at) from marts.{mart}"
        least, most = one(warehouse, bounds)
        assert pd.Timedelta(0) < least
        assert most <= pd.Timedelta(hours=1)
    assert one(warehouse, "select count(*) from marts.outcomes join marts.questions using (question_id) "
                          "where known_at <= question_at") == [0]  # fmt: skip
