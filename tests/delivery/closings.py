"""Sprints that close on the records alone: what tests of closing, and of changed records, share."""

from __future__ import annotations

from tests.ledger_events import body
from tests.measured_facts import facts

from sprintline.delivery import closing
from sprintline.lake.recorded import RESTS_ON
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.events import DECISION
from sprintline.product.runtime import Runtime

S1, S2, S3, S4 = (f"2013-S0{n}" for n in (1, 2, 3, 4))
WAIVER = {"code": "DQ102", "reason": "the sensor is replaced", "expires": "2013-06-01", "approver": "sam"}


def recorded_versions(runtime: Runtime, sprint: str) -> dict[str, str]:
    found = runtime.records.measurements(runtime.product, sprint)
    return {asset: one.data_version for (_, asset), one in found.items()}


def judged(runtime: Runtime, sprint: str, outcome: Outcome, version: str = "w1", code: str = "DQ102") -> None:
    verdict = Verdict(
        runtime.product, sprint, code, "weather", outcome, Severity.WARN, "900 rows landed", version
    )
    runtime.records.record_verdicts([verdict])


def computed(runtime: Runtime, sprint: str, weather: str = "w1", back: dict | None = None) -> None:
    """What the assets of a sprint record, `back` being the data versions its features read."""
    runtime.measure("weather", sprint, weather, facts("source", rows=900))
    read = {"rows": 9, RESTS_ON: back or {}}
    for view in runtime.spec.features.views:
        runtime.measure(view, sprint, f"{view} of {sprint}", facts("feature_view", **read))
    answered = facts("question_features", **read)
    runtime.measure("question_features", sprint, f"question_features of {sprint}", answered)


def decided(runtime: Runtime, sprint: str, candidate: str | None = None) -> None:
    said = body(DECISION, candidate=candidate, champion_before=None, champion_after="m1", why="w")
    runtime.records.append(DECISION, runtime.product, sprint, "test", said, key=sprint)


def kinds(runtime: Runtime, *chosen: str) -> list[str]:
    return [event.kind for event in runtime.records.events(product=runtime.product) if event.kind in chosen]


def closed(runtime: Runtime, sprint: str, **more: object) -> closing.Closing:
    computed(runtime, sprint, **more)
    judged(runtime, sprint, Outcome.PASS, version=str(more.get("weather", "w1")))
    decided(runtime, sprint)
    return closing.close(runtime, sprint, "test")


def waiting(runtime: Runtime) -> None:
    computed(runtime, S1)
    judged(runtime, S1, Outcome.FAIL)
    decided(runtime, S1)
    assert not closing.close(runtime, S1, "test").gate.open
