"""The sensor that closes sprints as their files land, and says what each one waits for."""

from collections.abc import Collection, Iterator, Mapping

import dagster as dg
from dagster._core.definitions.target import ExecutableDefinition

from sprintline.governance.decide import closed_without
from sprintline.landing.arrivals import Landed, arrivals_of
from sprintline.landing.events import REFUSED
from sprintline.mechanisms.backlog.update import sight_given_up
from sprintline.mechanisms.rules.events import WAIVER
from sprintline.mechanisms.rules.waivers import granted
from sprintline.product.events import CLOSED
from sprintline.product.past import closing_of, decision_of, pending_trigger, waits_for
from sprintline.product.runtime import Runtime
from sprintline.product.sensors import (
    FAILED,
    FILES_TAG,
    PRIORITY_TAG,
    PRODUCT_TAG,
    SPRINT_TAG,
    Earlier,
    error_of,
    platform_sensor,
)

RECLOSED = ("increment", "backlog")
"""What a run materializes that closes a sprint again on the same data."""

SENSORS = ("landing",)
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
    landed, notes = arrivals_of(runtime)
    requests: list[dg.RunRequest] = []
    coming: set[str] = set()
    for sprint, ready in landed.items():
        closed = closing_of(runtime, sprint)
        if closed and ready.adds_nothing_to(closed["files"]):
            continue
        tags = {PRODUCT_TAG: runtime.product, SPRINT_TAG: sprint, FILES_TAG: ready.digest}
        # Whatever order the runs come into the queue: the earlier sprint leaves it first.
        order = {PRIORITY_TAG: str(-runtime.calendar.window(sprint).index)}
        earlier = Earlier.of(instance, tags)
        if earlier.running:
            notes.append(f"{sprint} is being closed by run {earlier.running}")
            coming.add(sprint)
        elif waits := _reason_to_wait(runtime, sprint, ready, coming):
            notes.append(waits)
        elif given_up := _given_up(instance, sprint, earlier):
            sight_given_up(runtime, sprint, given_up, ready.digest, f"{runtime.product}_landing")
            notes.append(given_up)
        else:
            requests.append(earlier.next(f"{runtime.product}:{sprint}:{ready.digest}", sprint, order))
            coming.add(sprint)
    return [*requests, *reclosings(runtime, instance, coming)], notes


def reclosings(
    runtime: Runtime, instance: dg.DagsterInstance, coming: Collection[str]
) -> list[dg.RunRequest]:
    """Runs that close a sprint again because what it lacked was waived since; once per waiver and sprint.

    Only its increment is materialized again: no data are computed, and it closes on the data it closed on.
    """
    waived = runtime.records.events(product=runtime.product, kind=WAIVER)
    if not waived:
        return []
    told, now = granted(runtime.records.events(product=runtime.product)), runtime.clock.now()
    in_force = {one.event for one in told if one.in_force(now)}
    closings = {event.sprint: event for event in runtime.records.events(product=runtime.product, kind=CLOSED)}
    requests = []
    for waiver in (one for one in waived if one.seq in in_force):
        for sprint in closed_without(runtime, waiver.body):
            if sprint in coming or closings[sprint].seq > waiver.seq:
                continue
            tags = {PRODUCT_TAG: runtime.product, SPRINT_TAG: sprint, "sprintline/waiver": str(waiver.seq)}
            earlier = Earlier.of(instance, tags)
            if earlier.given_up or any(run.status not in FAILED for run in earlier.runs):
                continue
            only = [dg.AssetKey([runtime.product, name]) for name in RECLOSED]
            key = f"{runtime.product}:{sprint}:waiver:{waiver.seq}"
            requests.append(earlier.next(key, sprint, asset_selection=only))
    return requests


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
        return f"{sprint} waits for its retraining: {trigger['why']}"
    before = runtime.calendar.previous(sprint)
    if before and before[-1] not in coming and decision_of(runtime, before[-1]) is None:
        return waits_for(runtime, sprint, before[-1])
    return None


def _given_up(instance: dg.DagsterInstance, sprint: str, earlier: Earlier) -> str | None:
    """After some failures on the same files a person is asked.

    Runs that only waited for their past do not count, nor do those that ended with the platform.
    """
    attempts = earlier.given_up
    if not attempts:
        return None
    return (
        f"{sprint} failed {len(attempts)} times on the same files, {error_of(instance, attempts[0])} (run "
        f"{attempts[0].run_id[:8]}): fix that, then drop its file once more, or materialize the sprint from the UI"
    )


def sensors(runtime: Runtime, jobs: Mapping[str, ExecutableDefinition]) -> Iterator[dg.SensorDefinition]:
    """The sensors of this subject."""
    yield landing_sensor(runtime, jobs[f"{runtime.product}_closing"])
