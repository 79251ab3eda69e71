"""The sensor that retrains when drift is confirmed."""

from collections.abc import Iterator, Mapping

import dagster as dg
from dagster._core.definitions.target import ExecutableDefinition

from sprintline.mechanisms.backlog.update import sight_given_up
from sprintline.monitoring.facts import DriftFacts
from sprintline.product.past import decision_of, pending_trigger
from sprintline.product.runtime import Runtime
from sprintline.product.sensors import (
    PRODUCT_TAG,
    SPRINT_TAG,
    Earlier,
    error_of,
    given_up_sentence,
    platform_sensor,
    tried_before,
)
from sprintline.product.tries import Tries

SENSORS = ("retraining",)
"""What its sensors are called, after the product's name."""


def retraining_sensor(runtime: Runtime, job: ExecutableDefinition) -> dg.SensorDefinition:
    """Retrains once per confirmed drift, and otherwise says with numbers why it did nothing."""

    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        latest = latest_drift(runtime)
        if latest is None:
            return dg.SensorResult(skip_reason="no retraining: drift was not measured for any sprint yet")
        sprint, drift = latest
        trigger = pending_trigger(runtime, sprint)
        if trigger is None or trigger["kind"] != "drift":
            return dg.SensorResult(
                skip_reason=f"no retraining: {sprint}: {drift['why']}; {answered(runtime, sprint)}"
            )
        tags = {PRODUCT_TAG: runtime.product, SPRINT_TAG: sprint, "sprintline/trigger": "drift"}
        earlier = Earlier.of(context.instance, tags, Tries(runtime).of(sprint))
        if earlier.running:
            before = tried_before(context.instance, earlier)
            return dg.SensorResult(
                skip_reason=f"{sprint} is being retrained by run {earlier.running}{before}"
            )
        if attempts := earlier.given_up:
            why = error_of(context.instance, attempts[0])
            told = given_up_sentence(sprint, attempts, "to retrain", why)
            actor = f"{runtime.product}_retraining"
            sight_given_up(runtime, sprint, told, f"retraining:{earlier.tried}", actor)
            return dg.SensorResult(skip_reason=told)
        return dg.SensorResult(run_requests=[earlier.next(f"{runtime.product}:{sprint}:drift", sprint)])

    return platform_sensor(
        f"{runtime.product}_{SENSORS[0]}",
        "Starts the training of a candidate when drift is confirmed for a sprint.",
        tick,
        seconds=1,
        job=job,
    )


def latest_drift(runtime: Runtime) -> tuple[str, DriftFacts] | None:
    """The newest sprint with a drift measurement, and what was measured; None before the first."""
    measured = runtime.history("drift")
    if not measured:
        return None
    sprint = max(measured, key=lambda key: runtime.calendar.window(key).index)
    return sprint, measured[sprint].facts


def answered(runtime: Runtime, sprint: str) -> str:
    """How a sprint was decided, or that it is not decided yet."""
    decision = decision_of(runtime, sprint)
    if decision is None:
        return "its sprint is not decided yet"
    return f"decided: {decision['decision']}, {decision['why']}"


def sensors(runtime: Runtime, jobs: Mapping[str, ExecutableDefinition]) -> Iterator[dg.SensorDefinition]:
    """The sensors of this subject."""
    yield retraining_sensor(runtime, jobs[f"{runtime.product}_retraining"])
