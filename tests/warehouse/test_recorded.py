"""Which marts a feature view reads, by its SQL; and rows of earlier sprints that are not as they were recorded."""

from types import SimpleNamespace

import duckdb
import pytest
from tests.measured_facts import facts

from sprintline.warehouse import recorded
from sprintline.warehouse.content_hashes import contents, fingerprints
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.sql_text import without_comments

NODES = {name: {"resource_type": "model", "schema": "marts", "name": name} for name in ("hours", "flights")}


class Declared:
    """A product whose manifest has two marts."""

    product = "p"

    def __getitem__(self, _store):
        return SimpleNamespace(manifest={"nodes": NODES})


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("select 1 -- flights", "select 1  "),
        ("select /* hours\n-- */ 1", "select   1"),
        ("select replace(a, '--', '') from hours", "select replace(a, '--', '') from hours"),
        (
            "select 'it''s -- here' from hours -- flights\nwhere 1",
            "select 'it''s -- here' from hours  \nwhere 1",
        ),
        ('select "a--b" from hours', 'select "a--b" from hours'),
    ],
)
def test_a_comment_ends_no_string(sql, text):
    assert without_comments(sql) == text


def test_a_mart_named_only_in_a_comment_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "ROOT", tmp_path)
    (tmp_path / "feature_repo" / "p").mkdir(parents=True)
    (tmp_path / "feature_repo" / "p" / "view.sql").write_text(
        "-- the flights of a day\nselect * from with_moments('hours', ['route'], $moments) /* not\nflights */\n"
    )
    assert recorded.marts_of_view(Declared(), "view") == ["hours"]
    assert recorded.marts_of_view(Declared(), "another") == []


# --- rows of earlier sprints ------------------------------------------------------------------------------------------

FIRST, SECOND, THIRD = "2013-S01", "2013-S02", "2013-S03"
RELATIONS = {
    "hours": "marts.hours",
    "outcomes": "marts.outcomes",
    "stg": "staging.stg",
    "latest": "marts.latest",
}


def model(name: str) -> dict:
    kept = "view" if name == "latest" else "incremental"
    return {"resource_type": "model", "name": name, "config": {"materialized": kept}}


@pytest.fixture
def built(flights):
    """Two sprints of four models, as dbt built and their asset recorded them; one of them keeps no older sprint."""
    file = flights.home.root / "warehouse" / "flight_delays.duckdb"
    file.parent.mkdir()
    with duckdb.connect(str(file)) as connection:
        for schema in ("marts", "staging"):
            connection.execute(f"create schema {schema}")
        for name in RELATIONS.values():
            connection.execute(f"create table {name} (id int, value double, sprint varchar)")
            for sprint in (FIRST, SECOND):
                connection.execute(f"insert into {name} select range, range / 2, '{sprint}' from range(5)")
    manifest = {"nodes": {name: model(name) for name in RELATIONS}}
    warehouse = SimpleNamespace(file=file, relations=lambda: RELATIONS, manifest=manifest)
    flights.opened[Warehouse] = warehouse
    for sprint in (FIRST, SECOND):
        quick = fingerprints(warehouse, RELATIONS, sprint)
        for name, one in contents(warehouse, RELATIONS, sprint, 0).items():
            said = facts("model", rows=5, fingerprint=quick[name])
            flights.records.measure(flights.product, sprint, name, one.data_version, said)
    return flights


def sql(runtime, statement: str) -> None:
    with duckdb.connect(str(runtime[Warehouse].file)) as connection:
        connection.execute(statement)


def found(runtime, sprint: str = THIRD) -> list[tuple[str, str]]:
    return [(one.sprint, one.asset) for one in recorded.changed_before(runtime, sprint)]


def test_what_is_as_recorded_is_not_reported_and_its_content_is_not_hashed(built, monkeypatch):
    monkeypatch.setattr(recorded, "same_content", lambda *_: pytest.fail("a content was hashed"))
    assert found(built) == []


@pytest.mark.parametrize(
    ("statement", "changed", "why"),
    [
        ("update marts.hours set value = 9 where id = 3", "hours", "5 rows as recorded, with other values"),
        ("update staging.stg set value = null where id = 3", "stg", "5 rows as recorded, with other values"),
        ("delete from marts.outcomes where id = 3", "outcomes", "5 rows were recorded, 4 are there now"),
        (
            "insert into marts.hours values (7, 7, '{sprint}')",
            "hours",
            "5 rows were recorded, 6 are there now",
        ),
        ("drop table marts.hours", "hours", "5 rows were recorded, 0 are there now"),
    ],
)
def test_any_change_of_a_sprint_is_found_and_named(built, statement, changed, why):
    where = "" if "insert" in statement or "drop" in statement else f" and sprint = '{SECOND}'"
    sql(built, statement.format(sprint=SECOND) + where)
    told = recorded.changed_before(built, THIRD)
    assert (SECOND, changed) in [(one.sprint, one.asset) for one in told]
    assert f"{changed} of {SECOND} in the warehouse ({why})" in [str(one) for one in told]


def test_two_values_that_changed_places_are_found(built):
    """The sum and the count of every column are as they were."""
    sql(built, f"update marts.hours set value = 2 - value where id in (1, 3) and sprint = '{FIRST}'")
    assert found(built) == [(FIRST, "hours")]


def test_outcomes_are_compared_as_far_as_a_candidate_learns_and_other_models_as_far_as_features_look(built):
    sql(built, "update marts.outcomes set value = 9")
    sql(built, "update marts.hours set value = 9")
    far = built.calendar.keys[built.spec.model.train_sprints]
    assert found(built, far) == [(FIRST, "outcomes"), (SECOND, "outcomes")]
    beyond = built.calendar.keys[built.spec.model.train_sprints + 2]
    assert found(built, beyond) == []


def test_a_model_that_keeps_no_older_sprint_is_not_compared(built):
    sql(built, f"delete from marts.latest where sprint = '{FIRST}'")
    assert found(built) == []


def test_a_column_that_was_added_since_is_no_change_but_one_with_values_is(built):
    sql(built, "alter table marts.hours add column delay double")
    assert found(built) == []
    sql(built, f"update marts.hours set delay = 1 where id = 2 and sprint = '{SECOND}'")
    assert found(built) == [(SECOND, "hours")]


def test_a_checksum_of_another_duckdb_leaves_the_word_to_the_content(built):
    for name, sprint in (("hours", FIRST), ("hours", SECOND)):
        one = built.measurement(name, sprint)
        built.records.measure(
            built.product, sprint, name, one.data_version, {**one.facts, "fingerprint": "5:1"}
        )
    assert found(built) == []
    sql(built, f"update marts.hours set value = 9 where id = 1 and sprint = '{SECOND}'")
    assert found(built) == [(SECOND, "hours")]


def test_a_lost_warehouse_is_every_sprint_of_it(built):
    built[Warehouse].file.unlink()
    assert (FIRST, "outcomes") in found(built) and (SECOND, "hours") in found(built)


def test_a_sprint_is_read_once_while_the_file_is_the_same(built, monkeypatch):
    assert found(built) == []
    read = recorded.fingerprints_of
    monkeypatch.setattr(recorded, "fingerprints_of", lambda *_: pytest.fail("rows were read"))
    assert found(built) == []
    monkeypatch.setattr(recorded, "fingerprints_of", read)
    sql(built, f"update marts.hours set value = 9 where id = 1 and sprint = '{SECOND}'")
    assert found(built) == [(SECOND, "hours")]
