"""Sensors on a real ephemeral instance: tick, fail, tick again. Each skip says why, with names and numbers."""

from __future__ import annotations

import os
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    TickData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo
from tests.ledger_events import body
from tests.measured_facts import facts

from sprintline.delivery import sensors
from sprintline.hosting import runs
from sprintline.mechanisms.registry import modules
from sprintline.product.events import CLOSED, DECISION, TRIGGER
from sprintline.product.runtime import Runtime
from sprintline.product.sensors import ATTEMPTS, sensor_names
from sprintline.release.sensors import retraining_sensor

SOURCES = ("departures", "arrivals", "weather")


def land(runtime: Runtime, sprint: str, *sources: str, age: float = 60.0, text: str = "a,b\n1,2\n") -> None:
    for source in sources:
        place = runtime.home.landing / runtime.product / source / f"{sprint}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        then = place.stat().st_mtime - age
        os.utime(place, (then, then))


def decide(runtime: Runtime, sprint: str, champion: str | None = None) -> None:
    said = body(DECISION, champion_after=champion, why="nothing to decide")
    runtime.records.append(DECISION, runtime.product, sprint, "test", said, key=sprint)


def close(runtime: Runtime, sprint: str) -> None:
    decide(runtime, sprint)
    files = sensors.arrivals_of(runtime)[0][sprint].files
    runtime.records.append(
        CLOSED, runtime.product, sprint, "test", body(CLOSED, files=files, done=True, version="v")
    )


def launch(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """A run as the daemon would have made it of a request, in some state."""
    instance.add_run(
        dg.DagsterRun(
            job_name="flight_delays_closing",
            run_id=dg._core.utils.make_new_run_id(),
            status=status,
            tags={**request.tags, "dagster/run_key": request.run_key},
        )
    )


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def test_nothing_landed_says_where_to_drop(flights, instance):
    requests, notes = sensors.plan(flights, instance)
    assert (requests, notes) == ([], [])
    assert "landing/flight_delays" in sensors.nothing_new(flights)


def test_waits_for_the_last_source_and_names_it(flights, instance):
    land(flights, "2013-S01", "departures", "arrivals")
    requests, notes = sensors.plan(flights, instance)
    assert requests == []
    assert notes == ["2013-S01 waits for a file of weather"]
    land(flights, "2013-S01", "weather")
    requests, _ = sensors.plan(flights, instance)
    assert [request.partition_key for request in requests] == ["2013-S01"]
    assert requests[0].tags["sprintline/product"] == "flight_delays"


def test_a_file_still_being_written_is_left_alone(flights, instance):
    land(flights, "2013-S01", *SOURCES[:2])
    land(flights, "2013-S01", "weather", age=0.0)
    requests, notes = sensors.plan(flights, instance)
    assert requests == []
    assert "weather is still being written" in notes[0]


def test_history_is_asked_for_in_one_tick_in_the_order_of_the_calendar(flights, instance):
    for sprint in ("2013-S03", "2013-S01", "2013-S02"):
        land(flights, sprint, *SOURCES)
    requests, _ = sensors.plan(flights, instance)
    assert [request.partition_key for request in requests] == ["2013-S01", "2013-S02", "2013-S03"]


def test_a_sprint_whose_past_is_missing_waits_and_goes_on_when_it_closed(flights, instance):
    land(flights, "2013-S02", *SOURCES)
    requests, notes = sensors.plan(flights, instance)
    assert requests == []
    assert "2013-S02 waits: 2013-S01 is not closed" in notes[0]
    land(flights, "2013-S01", *SOURCES)
    close(flights, "2013-S01")
    requests, _ = sensors.plan(flights, instance)
    assert [request.partition_key for request in requests] == ["2013-S02"]


def test_a_closed_sprint_is_left_alone_until_its_files_change(flights, instance):
    land(flights, "2013-S01", *SOURCES)
    close(flights, "2013-S01")
    assert sensors.plan(flights, instance)[0] == []
    land(flights, "2013-S01", "weather", text="a,b\n1,3\n2,4\n")
    requests, _ = sensors.plan(flights, instance)
    assert [request.partition_key for request in requests] == ["2013-S01"]


def test_no_second_run_while_the_first_is_under_way(flights, instance):
    land(flights, "2013-S01", *SOURCES)
    (request,), _ = sensors.plan(flights, instance)
    launch(instance, request, dg.DagsterRunStatus.STARTED)
    requests, notes = sensors.plan(flights, instance)
    assert requests == []
    assert "2013-S01 is being closed by run" in notes[0]


def test_tick_fail_tick_again_and_then_ask_for_a_person(flights, instance):
    land(flights, "2013-S01", *SOURCES)
    keys = set()
    for _ in range(ATTEMPTS):
        (request,), _ = sensors.plan(flights, instance)
        keys.add(request.run_key)
        launch(instance, request, dg.DagsterRunStatus.FAILURE)
    assert len(keys) == ATTEMPTS, "a repeated run key would never be launched"
    requests, notes = sensors.plan(flights, instance)
    assert requests == []
    assert f"failed {ATTEMPTS} times on the same files" in notes[0]
    land(flights, "2013-S01", "weather", text="fixed\n1\n")
    assert len(sensors.plan(flights, instance)[0]) == 1


def test_a_sensor_whose_ticks_fail_again_and_again_is_told_in_the_platforms_words(tmp_path):
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        failing_ticks(instance)


def failing_ticks(instance: dg.DagsterInstance) -> None:
    place = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("flights"), "flights")
    origin = RemoteInstigatorOrigin(place, "flights_landing")
    kind, named = InstigatorType.SENSOR, {"instigator_name": "flights_landing", "selector_id": "flights"}
    instance.add_instigator_state(InstigatorState(origin, kind, InstigatorStatus.RUNNING))
    selector = instance.all_instigator_state()[0].selector_id
    cut = SerializableErrorInfo(
        "sprintline.base.databases.RecordsError: the ledger is cut\n", [], "RecordsError"
    )
    boundary = SerializableErrorInfo("dagster.SensorError: of landing\n", [], "SensorError", cause=cut)
    for failures in range(1, runs.FAILS_OFTEN + 1):
        assert runs.failing_sensor(instance, "flights") == ""
        instance.create_tick(
            TickData(
                instigator_origin_id=origin.get_id(), instigator_type=kind, status=TickStatus.FAILURE,
                timestamp=float(failures), error=boundary, consecutive_failure_count=failures,
                **named | {"selector_id": selector},
            )
        )  # fmt: skip
    assert runs.failing_sensor(instance, "flights") == "sensor flights_landing fails: the ledger is cut"
    assert runs.failing_sensor(instance, "trains") == ""


def test_a_sensor_belongs_to_the_product_of_its_whole_name(monkeypatch):
    """`shop_eu_landing` fails: no trouble of `shop`, nor of a product called `shop_eu_landing`."""
    sick = SimpleNamespace(
        error=SerializableErrorInfo("RuntimeError: trouble of shop_eu", [], "RuntimeError"),
        tick_data=SimpleNamespace(consecutive_failure_count=9),
    )
    instance = SimpleNamespace(
        all_instigator_state=lambda: [
            SimpleNamespace(name="shop_eu_landing", instigator_origin_id="o", selector_id="s")
        ],
        get_ticks=lambda *_, limit: [sick],
    )
    assert [
        name for name in ("shop", "shop_eu", "shop_eu_landing", "eu") if runs.failing_sensor(instance, name)
    ] == ["shop_eu"]


def test_every_sensor_has_a_listed_name(flights):
    own = f"{flights.product}_"
    jobs = {f"{own}{name}": dg.define_asset_job(f"{own}{name}") for name in ("closing", "retraining")}
    made = [
        one.name
        for module in modules("sensors")
        if hasattr(module, "sensors")
        for one in module.sensors(flights, jobs)
    ]
    assert sorted(made) == sorted(sensor_names(flights.product))
    assert not any("_" in name.removeprefix(own) for name in made), "shop_x of shop would be x of shop_x"


def test_nothing_is_closed_while_the_calendar_moves_a_closed_sprint(flights, instance):
    land(flights, "2013-S01", *SOURCES)
    land(flights, "2013-S02", *SOURCES)
    then = ["2013-01-02", "2013-01-15", flights.calendar.timezone]
    flights.measure("increment", "2013-S01", "v", facts("increment", window=then))
    requests, (note,) = sensors.plan(flights, instance)
    assert requests == []
    assert note.startswith("platform/products/flight_delays/defs.yaml:14: attributes.calendar: ")
    moved = "2013-S01 closed on 2 Jan 2013 to 15 Jan 2013 (America/New_York); by the calendar it would be 1 Jan 2013"
    assert moved in note


def test_a_folder_of_no_source_is_told(flights, instance):
    land(flights, "2013-S01", "wether")
    requests, notes = sensors.plan(flights, instance)
    assert requests == []
    assert "wether: no source of this name is declared; did you mean weather/?" in notes[0]


def test_a_name_that_is_no_sprint_is_told(flights, instance):
    land(flights, "2013-S99", "weather")
    requests, notes = sensors.plan(flights, instance)
    assert requests == []
    assert any("2013-S99" in note for note in notes)


def retraining(runtime: Runtime, instance: dg.DagsterInstance) -> dg.SensorResult:
    job = dg.define_asset_job("flight_delays_retraining")
    sensor = retraining_sensor(runtime, job)
    repository = dg.Definitions(assets=[dg.AssetSpec("none")], jobs=[], sensors=[])
    context = dg.build_sensor_context(instance=instance, repository_def=repository.get_repository_def())
    return sensor(context)


def measured(runtime: Runtime, sprint: str, state: str) -> None:
    why = "9 of 20 features (45%; 30% count as drift) are further than 0.1 from the training data"
    drift = facts("drift", state=state, why=why, reference="m1", window=state != "none")
    runtime.measure("drift", sprint, "v", drift)


def test_without_drift_the_retraining_sensor_says_with_numbers_why_it_did_nothing(flights, instance):
    assert "not measured for any sprint" in retraining(flights, instance).skip_reason.skip_message
    measured(flights, "2013-S07", "none")
    decide(flights, "2013-S07", "m1")
    told = retraining(flights, instance).skip_reason.skip_message
    assert "2013-S07" in told
    assert "9 of 20 features (45%" in told


def test_confirmed_drift_retrains_once(flights, instance):
    measured(flights, "2013-S08", "confirmed")
    flights.records.append(
        TRIGGER, flights.product, "2013-S08", "test", body(TRIGGER, kind="drift", why="drift"), key="2013-S08"
    )
    (request,) = retraining(flights, instance).run_requests
    assert request.partition_key == "2013-S08"
    launch(instance, request, dg.DagsterRunStatus.STARTED)
    assert "is being retrained" in retraining(flights, instance).skip_reason.skip_message
    decide(flights, "2013-S08", "m2")
    assert not retraining(flights, instance).run_requests


def test_the_next_sprint_waits_for_a_pending_retraining(flights, instance):
    land(flights, "2013-S01", *SOURCES)
    land(flights, "2013-S02", *SOURCES)
    flights.records.append(
        TRIGGER,
        flights.product,
        "2013-S01",
        "test",
        body(TRIGGER, kind="drift", why="0.4 of features"),
        key="x",
    )
    requests, notes = sensors.plan(flights, instance)
    assert requests == []
    assert any(
        "2013-S02 waits: 2013-S01 has a pending retraining (0.4 of features)" in note for note in notes
    )


@pytest.mark.parametrize("kind", ["bootstrap", "new_data"])
def test_a_closing_that_was_killed_in_its_training_is_asked_for_again(flights, instance, kind):
    """Only drift is answered by the other sensor: waiting for it here would be waiting for no one."""
    land(flights, "2013-S01", *SOURCES)
    (request,), _ = sensors.plan(flights, instance)
    flights.records.append(
        TRIGGER, flights.product, "2013-S01", "test", body(TRIGGER, kind=kind, why="rows"), key="x"
    )
    launch(instance, request, dg.DagsterRunStatus.FAILURE)
    (again,), _ = sensors.plan(flights, instance)
    assert again.partition_key == "2013-S01" and again.run_key != request.run_key
