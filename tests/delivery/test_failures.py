"""Failed runs on a real ephemeral instance: recorded, shown, given up, retried, and tried again when code changes."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from tests.delivery.test_sensors import SOURCES, close, land, launch, measured
from tests.ledger_events import body

from sprintline.base import settings
from sprintline.delivery import sensors
from sprintline.delivery.jobs import jobs
from sprintline.delivery.retry import RetryError, failures, retry, retry_all
from sprintline.delivery.sensors import failures_sensor, record_failures, record_recoveries
from sprintline.delivery.status import sprint_rows
from sprintline.mechanisms.backlog.update import board_of
from sprintline.product import code_files
from sprintline.product.events import CLOSED, RETRIED, RUN_FAILED, TRIGGER
from sprintline.product.runtime import Runtime
from sprintline.product.sensors import ATTEMPTS, INTERRUPTED_TAG, going_on
from sprintline.product.tries import Tries
from sprintline.release.sensors import retraining_sensor

S1, S2 = "2013-S01", "2013-S02"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def no_run(runtime: Runtime, sprint: str) -> None:
    """Nothing is going on."""


def tick(runtime: Runtime, instance: dg.DagsterInstance, sensor=failures_sensor, cursor: str | None = None):
    repository = dg.Definitions(assets=[dg.AssetSpec("none")]).get_repository_def()
    context = dg.build_sensor_context(instance=instance, repository_def=repository, cursor=cursor)
    return sensor(runtime)(context)


def retraining(runtime: Runtime) -> dg.SensorDefinition:
    return retraining_sensor(runtime, dg.define_asset_job("flight_delays_retraining"))


def run_failed(
    instance: dg.DagsterInstance, tags: dict[str, str], sprint: str, error: Exception
) -> dg.DagsterRun:
    """A run that really failed, with the tags of the request it was made from."""

    @dg.op(name="training")
    def training():
        raise error

    @dg.job(name="flight_delays_closing")
    def closing():
        training()

    tags = {**tags, "dagster/partition": sprint}
    return closing.execute_in_process(instance=instance, raise_on_error=False, tags=tags).dagster_run


def fail_often(runtime: Runtime, instance: dg.DagsterInstance, times: int = ATTEMPTS) -> set[str]:
    """S1 lands, and its closing fails so often; gives the run keys."""
    keys = set()
    for _ in range(times):
        (request,), _ = sensors.plan(runtime, instance)
        keys.add(request.run_key)
        tags = {**request.tags, "dagster/sensor_name": "flight_delays_landing"}
        run_failed(instance, tags, S1, ValueError("no oven"))
        tick(runtime, instance)
    return keys


def row(runtime: Runtime, sprint: str = S1):
    records = runtime.records
    rows = sprint_rows(
        runtime.product, runtime.calendar, (), records.verdicts(runtime.product),
        records.measurements(runtime.product), records.events(product=runtime.product), runtime.clock.now(),
    )  # fmt: skip
    return next(one for one in rows if one.sprint == sprint)


def test_a_failed_run_is_in_ledger_status_and_tick(flights, instance):
    land(flights, S1, *SOURCES)
    fail_often(flights, instance, 1)
    (event,) = flights.records.events(product=flights.product, kind=RUN_FAILED)
    assert (
        event.sprint == S1
        and event.body["error"] == "ValueError: no oven"
        and event.body["step"] == "training"
    )
    assert event.body["started_by"] == "flight_delays_landing" and event.body["tried"]
    found = row(flights)
    assert found.failed["error"] == "ValueError: no oven" and not found.failed["given_up"]
    assert "ValueError: no oven" in found.missing[0] and "a sensor tries it again" in found.missing[0]
    assert found.failed == json.loads(json.dumps(found.as_dict()))["failed"]
    told = tick(flights, instance).skip_reason.skip_message
    assert told.startswith(f"{S1}: its run failed: training: ValueError: no oven")
    assert len(flights.records.events(kind=RUN_FAILED)) == 1, "the same run is recorded once"
    assert board_of(flights) == [], "a run that is tried again is nobody's work yet"


def test_while_it_is_tried_again_the_tick_says_why_the_one_before_failed(flights, instance):
    land(flights, S1, *SOURCES)
    fail_often(flights, instance, 1)
    (request,), _ = sensors.plan(flights, instance)
    launch(instance, request, dg.DagsterRunStatus.STARTED)
    _, (note,) = sensors.plan(flights, instance)
    assert note.endswith("(try 2 of 3; before: training: ValueError: no oven)")


def test_after_three_failures_tick_and_backlog_name_the_error_and_the_way_on(flights, instance):
    land(flights, S1, *SOURCES)
    fail_often(flights, instance)
    requests, (note,) = sensors.plan(flights, instance)
    assert requests == [] and "ValueError: no oven" in note and f"sprintline retry {S1}" in note
    (item,) = board_of(flights)
    assert item.open and item.code == "RUN" and item.evidence["sentence"] == note
    assert row(flights).failed["times"] == ATTEMPTS and row(flights).failed["given_up"]


def test_a_retry_is_no_repetition_of_the_run_that_was_given_up(flights, instance):
    land(flights, S1, *SOURCES)
    before = fail_often(flights, instance)
    sensors.plan(flights, instance)
    done = retry(flights, S1, "dana", no_run)
    assert done.asked and "ValueError: no oven" in str(done)
    assert "dana asked for a retry" in row(flights).missing[0]
    (request,), _ = sensors.plan(flights, instance)
    assert request.run_key not in before, "Dagster would take it for the run that it has"
    assert not retry(flights, S1, "dana", no_run).asked, "asked twice, it is one retry"
    assert sensors.plan(flights, instance)[0][0].run_key == request.run_key
    after = fail_often(flights, instance)
    assert not before & after and sensors.plan(flights, instance)[0] == [], "it is given up again"
    assert retry(flights, S1, "dana", no_run).asked
    close(flights, S1)
    assert failures(flights) == {} and row(flights).failed is None


def test_a_changed_file_of_code_is_a_new_try_by_itself(flights, instance, tmp_path, monkeypatch):
    root = tmp_path / "clone"
    for place in ("platform/products/flight_delays", "dbt_project/models/flight_delays", "feature_repo/flight_delays",
                  "platform/products/other"):  # fmt: skip
        (root / place).mkdir(parents=True)
    monkeypatch.setattr(settings, "ROOT", root)
    land(flights, S1, *SOURCES)
    fail_often(flights, instance)
    (root / "platform/products/other/model.py").write_text("x = 1")
    (root / "platform/products/flight_delays/notes.txt").write_text("x")
    (root / "platform/products/flight_delays/.model.py.swp.py").write_text("x")
    assert sensors.plan(flights, instance)[0] == [], "neither another product's code nor what is no code"
    for file in ("platform/products/flight_delays/model.py", "dbt_project/models/flight_delays/a.sql",
                 "feature_repo/flight_delays/b.sql", "platform/products/flight_delays/contracts.yaml"):  # fmt: skip
        (root / file).write_text("select 1")
        assert len(sensors.plan(flights, instance)[0]) == 1, file
        assert fail_often(flights, instance) and sensors.plan(flights, instance)[0] == [], file
    (root / file).write_text("select 2")
    assert len(sensors.plan(flights, instance)[0]) == 1, "the same size"
    (root / file).write_text("select 1")
    assert sensors.plan(flights, instance)[0] == [], "back to what has failed three times"
    (root / "platform/products/flight_delays/model.py").unlink()
    assert len(sensors.plan(flights, instance)[0]) == 1, "a removed file"


def test_changed_code_starts_no_second_run_beside_the_first_nor_one_of_a_closed_sprint(
    flights, instance, monkeypatch
):
    land(flights, S1, *SOURCES)
    (request,), _ = sensors.plan(flights, instance)
    launch(instance, request, dg.DagsterRunStatus.STARTED)
    monkeypatch.setattr("sprintline.product.tries.code_digest", lambda product: "other code")
    requests, (note,) = sensors.plan(flights, instance)
    assert requests == [] and "is being closed by run" in note
    close(flights, S1)
    monkeypatch.setattr("sprintline.product.tries.code_digest", lambda product: "still other code")
    assert sensors.plan(flights, instance) == ([], [])


def test_a_training_that_fails_is_given_up_told_and_retried(flights, instance):
    """It hid behind `closing 2014-S11 (training: drift)`: the closing's own run had succeeded."""
    land(flights, S1, *SOURCES)
    measured(flights, S1, "confirmed")
    trigger = body(TRIGGER, kind="drift", why="0.4 of features")
    flights.records.append(TRIGGER, flights.product, S1, "test", trigger, key=S1)
    keys = set()

    def fail_retraining():
        for _ in range(ATTEMPTS):
            (request,) = tick(flights, instance, retraining).run_requests
            keys.add(request.run_key)
            tags = {**request.tags, "dagster/sensor_name": "flight_delays_retraining"}
            run_failed(instance, tags, S1, KeyError("depth"))
            tick(flights, instance)

    fail_retraining()
    given_up = tick(flights, instance, retraining)
    assert not given_up.run_requests
    told = given_up.skip_reason.skip_message
    assert (
        "failed 3 times to retrain" in told
        and "KeyError: 'depth'" in told
        and f"sprintline retry {S1}" in told
    )
    (item,) = board_of(flights)
    assert item.open and item.evidence["sentence"] == told
    assert "KeyError: 'depth'" in row(flights).missing[0]
    retry(flights, S1, "dana", no_run)
    fail_retraining()
    assert len(keys) == 2 * ATTEMPTS
    requests, (note,) = sensors.plan(flights, instance)
    assert requests == [] and "waits for its retraining" in note and "KeyError: 'depth'" in note


class TestRefused:
    def test_without_a_failure_there_is_nothing_to_retry(self, flights, instance):
        assert retry_all(flights, "dana", no_run) == ([], [])
        with pytest.raises(
            RetryError, match=f"nothing to retry: no run of {S1} failed; {S1} has no file in landing"
        ):
            retry(flights, S1, "dana", no_run)
        with pytest.raises(RetryError, match="plans no sprint 2013-S99"):
            retry(flights, "2013-S99", "dana", no_run)

    def test_a_sprint_that_is_done(self, flights, instance):
        land(flights, S1, *SOURCES)
        fail_often(flights, instance)
        close(flights, S1)
        with pytest.raises(RetryError, match="no run of 2013-S01 failed; it is Done"):
            retry(flights, S1, "dana", no_run)
        run_failed(instance, {"sprintline/product": flights.product}, S1, ValueError("by hand"))
        tick(flights, instance)
        with pytest.raises(RetryError, match="2013-S01 is Done on the files that landed; what failed after"):
            retry(flights, S1, "dana", no_run)
        assert flights.records.events(kind=RETRIED) == []

    def test_while_a_run_is_going_on(self, flights, instance):
        land(flights, S1, *SOURCES)
        fail_often(flights, instance, 1)
        (request,), _ = sensors.plan(flights, instance)
        launch(instance, request, dg.DagsterRunStatus.STARTED)
        with pytest.raises(RetryError, match="run abcd1234 of it is going on"):
            retry(flights, S1, "dana", lambda runtime, sprint: "abcd1234")

    def test_one_that_waits_for_the_sprint_before(self, flights, instance):
        land(flights, S1, *SOURCES)
        land(flights, S2, *SOURCES)
        run_failed(instance, {"sprintline/product": flights.product}, S2, ValueError("by hand"))
        tick(flights, instance)
        with pytest.raises(RetryError, match="2013-S02 waits: 2013-S01 is not closed"):
            retry(flights, S2, "dana", no_run)
        _, (left,) = retry_all(flights, "dana", no_run)
        assert left.startswith("flight_delays: nothing to retry: 2013-S02 waits")


class TestRunsNobodyWatched:
    def test_one_a_person_started_is_an_item_at_once(self, flights, instance):
        land(flights, S1, *SOURCES)
        run_failed(instance, {"sprintline/product": flights.product}, S1, ValueError("by hand"))
        tick(flights, instance)
        (item,) = board_of(flights)
        assert item.open and "ValueError: by hand" in item.evidence["sentence"]
        assert row(flights).failed["started_by"] == "person" and row(flights).failed["given_up"]

    def test_one_that_ended_before_its_first_step(self, flights, instance):
        run = dg.DagsterRun(
            "flight_delays_closing", tags={"sprintline/product": flights.product, "dagster/partition": S1}
        )
        instance.add_run(run)
        instance.report_run_failed(run, "the run's worker process is gone: it was killed or it crashed")
        tick(flights, instance)
        assert "worker process is gone" in row(flights).missing[0]

    def test_other_products_and_runs_that_ended_with_the_platform_are_left_out(self, flights, instance):
        run_failed(instance, {"sprintline/product": "flight"}, S1, ValueError("other"))
        run_failed(
            instance,
            {"sprintline/product": flights.product, INTERRUPTED_TAG: "platform"},
            S1,
            ValueError("cut"),
        )
        run_failed(instance, {"sprintline/product": flights.product}, "2013-S99", ValueError("no sprint"))
        assert tick(flights, instance).skip_reason.skip_message == "no sprint has a failed run"

    def test_a_failure_that_was_made_good_before_it_was_seen_is_none(self, flights, instance):
        land(flights, S1, *SOURCES)
        run_failed(instance, {"sprintline/product": flights.product}, S1, ValueError("early"))
        close(flights, S1)
        tick(flights, instance)
        assert row(flights).failed is None

    def test_on_a_closed_sprint_a_later_run_of_the_same_step_makes_it_good(self, flights, instance):
        land(flights, S1, *SOURCES)
        close(flights, S1)
        run_failed(instance, {"sprintline/product": flights.product}, S1, ValueError("by hand"))
        tick(flights, instance)
        assert row(flights).failed and len(board_of(flights)) == 1

        def succeed(step: str) -> None:
            @dg.op(name=step)
            def done():
                pass

            @dg.job
            def by_hand():
                done()

            tags = {"sprintline/product": flights.product, "dagster/partition": S1}
            by_hand.execute_in_process(instance=instance, tags=tags)
            tick(flights, instance)

        succeed("another")
        assert row(flights).failed, "what failed was not done"
        succeed("training")
        assert row(flights).failed is None and not board_of(flights)[0].open

    def test_the_cursor_leaves_out_what_was_looked_at_and_nothing_else(self, flights, instance):
        first = tick(flights, instance)
        run_failed(instance, {"sprintline/product": flights.product}, S1, ValueError("late"))
        tick(flights, instance, cursor=first.cursor)
        assert row(flights).failed


def test_what_is_going_on_is_found_whoever_started_it(flights, instance):
    run = dg.DagsterRun(
        "__ASSET_JOB", tags={"dagster/partition": S1}, status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({dg.AssetKey([flights.product, "drift"])}),
    )  # fmt: skip
    instance.add_run(run)
    assert [one.run_id for one in going_on(instance, flights.product, S1)] == [run.run_id]
    assert going_on(instance, "flight", S1) == [] and going_on(instance, flights.product, S2) == []


def test_the_launchpad_retries_as_the_command_does(flights, instance):
    _, job = jobs(flights, [])
    land(flights, S1, *SOURCES)
    fail_often(flights, instance)

    def launched(**given: str):
        config = {"ops": {"flight_delays__retry": {"config": given}}}
        return job.execute_in_process(instance=instance, raise_on_error=False, run_config=config)

    assert not launched(sprint=S2).success
    assert launched(sprint=S1, by="dana").success
    (event,) = flights.records.events(kind=RETRIED)
    assert event.sprint == S1 and event.actor == "dana" and "no oven" in event.body["error"]
    assert len(sensors.plan(flights, instance)[0]) == 1
    assert launched().success, "with nothing new to retry it says so"
    assert record_failures(flights, instance, sensors.datetime.fromtimestamp(0, sensors.UTC)) == []


def test_the_digest_of_code_is_that_of_its_content(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    model = tmp_path / "platform/products/bakery/model.py"
    model.parent.mkdir(parents=True)
    model.write_text("a")
    first = code_files.code_digest("bakery")
    model.write_text("b")
    assert code_files.code_digest("bakery") != first
    model.write_text("a")
    assert code_files.code_digest("bakery") == first and code_files.code_digest("cafe") != first


def test_a_try_counts_the_retries_of_its_own_sprint(flights):
    before = {key: Tries(flights).of(key) for key in (S1, S2)}
    flights.records.append(RETRIED, flights.product, S1, "dana", body(RETRIED), key="r")
    assert Tries(flights).of(S1) != before[S1] and Tries(flights).of(S2) == before[S2]


def test_recoveries_need_a_closing(flights, instance):
    """A run that only waited succeeds as well, at the very step that failed."""
    land(flights, S1, *SOURCES)
    fail_often(flights, instance, 1)
    record_recoveries(flights, instance)
    assert (
        row(flights).failed
        and not flights.records.events(kind=CLOSED)
        and Path(flights.home.landing).exists()
    )
