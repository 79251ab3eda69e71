"""The sensor that closes sprints as their files land, and says what each one waits for."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import RunsFilter
from dagster._core.definitions.target import ExecutableDefinition
from dagster._core.execution.stats import StepEventStatus  # not in the public module

from sprintline.delivery.waived import to_close_on_waivers
from sprintline.landing.arrivals import Landed, arrivals_of
from sprintline.landing.events import REFUSED
from sprintline.mechanisms.backlog.update import sight_given_up, sight_recovered
from sprintline.product.events import CLOSED, RUN_FAILED, RUN_RECOVERED
from sprintline.product.failed import Failure, standing
from sprintline.product.held import contradictions
from sprintline.product.past import closing_of, decision_of, pending_trigger, waits_for
from sprintline.product.run_errors import RunError
from sprintline.product.runtime import Runtime
from sprintline.product.sensors import (
    FAILED,
    FILES_TAG,
    PARTITION_TAG,
    PRIORITY_TAG,
    PRODUCT_TAG,
    SPRINT_TAG,
    TRY_TAG,
    Earlier,
    error_of,
    failed,
    given_up_sentence,
    platform_sensor,
    product_of,
    tried_before,
)
from sprintline.product.tries import Tries

OVERLAP = timedelta(seconds=60)
"""How far back a look at failed runs reaches behind the last one: a run's row is written by another process."""

RECLOSED = ("increment", "backlog")
"""What a run materializes that closes a sprint again on the same data."""

SENSORS = ("landing", "failures")
"""What its sensors are called, after the product's name."""


def landing_sensor(runtime: Runtime, job: ExecutableDefinition) -> dg.SensorDefinition:
    """Closes each sprint whose files have all landed, in the order of the calendar."""

    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        requests, notes = plan(runtime, context.instance)
        reason = None if requests else "; ".join(notes[:6]) or nothing_new(runtime)
        return dg.SensorResult(run_requests=requests, skip_reason=reason)

    return platform_sensor(
        f"{runtime.product}_{SENSORS[0]}",
        "Starts the run that closes a sprint once a file of every source has landed for it, and every published "
        "table it reads has closed.",
        tick,
        seconds=1,
        job=job,
    )


def nothing_new(runtime: Runtime) -> str:
    """What the landing sensor says when no sprint waits: where to drop a file."""
    if not runtime.spec.landed:
        tables = ", ".join(f"{one.product}.{one.table}" for one in runtime.spec.read.values())
        return f"nothing new: every sprint is closed on what is published of {tables}"
    return (
        f"nothing new in landing/{runtime.product}: drop <source>/<sprint>.csv, for example "
        f"{runtime.spec.landed[0].name}/{runtime.calendar.keys[0]}.csv"
    )


def plan(runtime: Runtime, instance: dg.DagsterInstance) -> tuple[list[dg.RunRequest], list[str]]:
    """Runs to ask for now, and a sentence for each sprint that waits.

    Sprints that follow each other are asked for together: their runs take turns, so each finds its past decided.
    """
    if found := contradictions(runtime, quick=True):
        return [], found
    landed, notes = arrivals_of(runtime)
    requests: list[dg.RunRequest] = []
    coming: set[str] = set()
    tries = Tries(runtime)
    for sprint, ready in landed.items():
        closed = closing_of(runtime, sprint)
        if closed and ready.adds_nothing_to(closed["files"]):
            continue
        tags = {PRODUCT_TAG: runtime.product, SPRINT_TAG: sprint, FILES_TAG: ready.digest}
        # Whatever order the runs come into the queue: the earlier sprint leaves it first.
        order = {PRIORITY_TAG: str(-runtime.calendar.window(sprint).index)}
        earlier = Earlier.of(instance, tags, tries.of(sprint))
        if earlier.running:
            notes.append(
                f"{sprint} is being closed by run {earlier.running}{tried_before(instance, earlier)}"
            )
            coming.add(sprint)
        elif waits := _reason_to_wait(runtime, sprint, ready, coming):
            notes.append(waits)
        elif attempts := earlier.given_up:
            why = record_failure(runtime, instance, attempts[0], sprint)
            told = given_up_sentence(sprint, attempts, "on the same files and code", why)
            told += ", or drop its file once more"
            sight_given_up(
                runtime, sprint, told, f"{ready.digest}:{earlier.tried}", f"{runtime.product}_landing"
            )
            notes.append(told)
        else:
            requests.append(earlier.next(f"{runtime.product}:{sprint}:{ready.digest}", sprint, order))
            coming.add(sprint)
    again, told_again = reclosings(runtime, instance, coming, tries)
    return [*requests, *again], [*notes, *told_again]


def reclosings(
    runtime: Runtime, instance: dg.DagsterInstance, coming: Collection[str], tries: Tries
) -> tuple[list[dg.RunRequest], list[str]]:
    """Runs that close a sprint again because what it lacked was waived since, and a sentence for each given up.

    Only its increment is materialized again: no data are computed, and it closes on the data it closed on. Once per
    waiver and sprint.
    """
    requests: list[dg.RunRequest] = []
    notes: list[str] = []
    for waiver, sprint in to_close_on_waivers(runtime):
        if sprint in coming:
            continue
        tags = {PRODUCT_TAG: runtime.product, SPRINT_TAG: sprint, "sprintline/waiver": str(waiver.seq)}
        earlier = Earlier.of(instance, tags, tries.of(sprint))
        if any(run.status not in FAILED for run in earlier.runs):
            continue
        if attempts := earlier.given_up:
            why = record_failure(runtime, instance, attempts[0], sprint)
            given_up = given_up_sentence(sprint, attempts, "to close on its waiver", why)
            version = f"waiver {waiver.seq}:{earlier.tried}"
            sight_given_up(runtime, sprint, given_up, version, f"{runtime.product}_landing")
            notes.append(given_up)
            continue
        only = [dg.AssetKey([runtime.product, name]) for name in RECLOSED]
        key = f"{runtime.product}:{sprint}:waiver:{waiver.seq}"
        requests.append(earlier.next(key, sprint, asset_selection=only))
    return requests, notes


def _reason_to_wait(runtime: Runtime, sprint: str, ready: Landed, coming: set[str]) -> str | None:
    if ready.missing:
        refused = {
            event.body["source"]: event.body["reason"]
            for event in runtime.records.events(product=runtime.product, kind=REFUSED, sprint=sprint)
        }
        told = [f"{name} (refused: {refused[name]})" if name in refused else name for name in ready.missing]
        return "; ".join([f"{sprint} waits for a file of {', '.join(told)}", *ready.waits])
    if ready.waits:
        return f"{sprint} waits {'; '.join(ready.waits)}"
    if ready.unsettled:
        return f"{sprint} waits: {', '.join(ready.unsettled)} is still being written"
    # Any other training is part of the closing run: one that was killed in it is asked for again.
    if (trigger := pending_trigger(runtime, sprint)) and trigger["kind"] == "drift":
        failure = standing(runtime.records.events(product=runtime.product, sprint=sprint)).get(sprint)
        return f"{sprint} waits for its retraining: {trigger['why']}{f'; {failure}' if failure else ''}"
    before = runtime.calendar.previous(sprint)
    if before and before[-1] not in coming and decision_of(runtime, before[-1]) is None:
        return waits_for(runtime, sprint, before[-1])
    return None


def failures_sensor(runtime: Runtime) -> dg.SensorDefinition:
    """Records failed runs in the ledger, whoever started them, so that status and terminals can show them."""

    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        since = datetime.fromtimestamp(float(context.cursor or 0), UTC)
        began = datetime.now(UTC) - OVERLAP
        record_failures(runtime, context.instance, since)
        record_recoveries(runtime, context.instance)
        found = standing(runtime.records.events(product=runtime.product))
        told = "; ".join(f"{one.sprint}: {one}" for one in found.values()) or "no sprint has a failed run"
        return dg.SensorResult(skip_reason=told, cursor=str(began.timestamp()))

    return platform_sensor(
        f"{runtime.product}_failures",
        "Records every failed run of a sprint with its error, file and line.",
        tick,
        seconds=2,
        job_name=f"{runtime.product}_closing",
    )


def record_failures(runtime: Runtime, instance: dg.DagsterInstance, since: datetime) -> list[Failure]:
    """Record the runs that failed after a moment and were not recorded yet; gives what stands of them."""
    product, records = runtime.product, runtime.records
    found = instance.get_run_records(RunsFilter(statuses=FAILED, updated_after=since), ascending=True)
    known = (
        {event.body["run"] for event in records.events(product=product, kind=RUN_FAILED)} if found else set()
    )
    new = []
    for record in found:
        run, sprint = record.dagster_run, record.dagster_run.tags.get(PARTITION_TAG)
        if sprint not in runtime.calendar.keys or product_of(run) != product or run.run_id in known:
            continue
        if not failed([run]) or _closed_since(runtime, sprint, record.end_time):
            continue
        record_failure(runtime, instance, run, sprint)
        if stands := standing(records.events(product=product, sprint=sprint)).get(sprint):
            new.append(stands)
            if not stands.tried:  # no sensor starts it again, so it is somebody's work at once
                sight_given_up(
                    runtime, sprint, f"{sprint}: {stands}", f"run {run.run_id}", f"{product}_failures"
                )
    return new


def record_failure(
    runtime: Runtime, instance: dg.DagsterInstance, run: dg.DagsterRun, sprint: str
) -> RunError:
    """Why a run of a sprint failed; recorded when it is not yet, with what changed under closed sprints."""
    product, records = runtime.product, runtime.records
    known = records.events(product=product, kind=RUN_FAILED, sprint=sprint)
    body = next((one.body for one in reversed(known) if one.body["run"] == run.run_id), None)
    if body is None:
        why = error_of(instance, run).because_of(contradictions(runtime, quick=True))
        said = {
            "run": run.run_id,
            "job": run.job_name,
            "step": why.step,
            "error": why.what,
            "place": why.place,
            "started_by": run.tags.get("dagster/sensor_name", "person"),
            "tried": run.tags.get(TRY_TAG, ""),
        }
        body = records.append(RUN_FAILED, product, sprint, f"{product}_failures", said, key=run.run_id).body
    return RunError(body["error"], body["place"], body["step"])


def record_recoveries(runtime: Runtime, instance: dg.DagsterInstance) -> None:
    """Record for closed sprints that a later run did what failed. An open one recovers by closing."""
    product = runtime.product
    for sprint, failure in standing(runtime.records.events(product=product)).items():
        if (
            closing_of(runtime, sprint) is None
            or (ended := instance.get_run_record_by_id(failure.run)) is None
        ):
            continue
        filters = RunsFilter(tags={PARTITION_TAG: sprint}, statuses=[dg.DagsterRunStatus.SUCCESS])
        for record in instance.get_run_records(filters):
            run = record.dagster_run
            if product_of(run) != product or (record.end_time or 0) <= (ended.end_time or 0):
                continue
            steps = {one.step_key: one.status for one in instance.get_run_step_stats(run.run_id)}
            if not failure.step or steps.get(failure.step) is StepEventStatus.SUCCESS:
                body = {"failed": failure.run, "run": run.run_id}
                actor = f"{product}_failures"
                runtime.records.append(RUN_RECOVERED, product, sprint, actor, body, key=failure.run)
                sight_recovered(runtime, sprint, actor)
                break


def _closed_since(runtime: Runtime, sprint: str, ended: float | None) -> bool:
    """Whether a sprint closed after a run ended, so that what failed in it was made good before it was seen."""
    closings = runtime.records.events(product=runtime.product, kind=CLOSED, sprint=sprint)
    return bool(closings and ended and closings[-1].at.timestamp() > ended)


def sensors(runtime: Runtime, jobs: Mapping[str, ExecutableDefinition]) -> Iterator[dg.SensorDefinition]:
    """The sensors of this subject."""
    yield landing_sensor(runtime, jobs[f"{runtime.product}_closing"])
    yield failures_sensor(runtime)
