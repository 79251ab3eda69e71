"""When drift trains: once an episode, and only where the past is decided."""

from __future__ import annotations

import pytest
from tests.measured_facts import facts
from tests.release.decided import decided

from sprintline.product import past as decisions
from sprintline.product.runtime import Runtime
from sprintline.release import promotion

DRIFT = {"kind": "drift", "why": "drift is confirmed since 2013-S07", "numbers": {}}
BOOTSTRAP = {"kind": "bootstrap", "why": "no champion yet and 6 sprints closed", "numbers": {}}


@pytest.mark.parametrize(
    ("kind", "tags", "left"),
    [
        ("drift", {"dagster/sensor_name": "flight_delays_landing"}, True),
        ("drift", {"dagster/sensor_name": "flight_delays_retraining"}, False),
        ("drift", {"dagster/backfill": "abc"}, False),
        ("drift", {}, False),
        ("new_data", {"dagster/sensor_name": "flight_delays_landing"}, False),
        ("bootstrap", {"dagster/sensor_name": "flight_delays_landing"}, False),
    ],
)
def test_only_drift_in_a_closing_run_is_left_to_the_sensor(kind, tags, left):
    assert promotion.left_to_the_sensor({"kind": kind}, tags) is left


@pytest.fixture
def served(flights: Runtime) -> Runtime:
    """Six sprints closed with champion m1, trained through S04: too little is new for a training of its own."""
    for sprint in flights.calendar.keys[:6]:
        flights.measure("scores", sprint, "v", facts("scores", labelled=100))
    for sprint in flights.calendar.keys[:5]:
        decided(flights, sprint, None)
    decided(flights, "2013-S06", None, decision="bootstrap", champion_after="m1", trained_through="2013-S04")
    return flights


def drifting(runtime: Runtime, sprint: str, reference: str = "m1", state: str = "confirmed") -> None:
    runtime.measure("scores", sprint, "v", facts("scores", labelled=100))
    drift = facts(
        "drift", state=state, why="9 of 20 features", reference=reference, window=state == "confirmed"
    )
    runtime.measure("drift", sprint, "v", drift)


def triggers_in_ledger(runtime: Runtime) -> list[str | None]:
    return [event.sprint for event in runtime.records.events(product=runtime.product, kind="trigger")]


def test_an_episode_of_drift_is_answered_once(served):
    drifting(served, "2013-S07")
    trigger, why = promotion.trigger_of(served, "2013-S07", "landing")
    assert trigger is not None and trigger["kind"] == "drift"
    assert "drift is confirmed since 2013-S07" in why
    # Asked again before it is answered, it is the same trigger, not another.
    assert promotion.trigger_of(served, "2013-S07", "retraining") == (trigger, why)
    assert triggers_in_ledger(served) == ["2013-S07"]

    # Its candidate was held: the same episode goes on, and is not answered again.
    decided(
        served, "2013-S07", "m1", decision="hold", trigger="drift", candidate="m2", trained_through="2013-S06"
    )
    drifting(served, "2013-S08")
    trigger, why = promotion.trigger_of(served, "2013-S08", "landing")
    assert trigger is None
    assert "drift confirmed since 2013-S07 was answered by the training of 2013-S07" in why
    decided(served, "2013-S08", "m1")

    # It was over for a sprint: what is confirmed after that is another episode.
    drifting(served, "2013-S09", state="none")
    assert promotion.trigger_of(served, "2013-S09", "landing")[0] is None
    decided(served, "2013-S09", "m1")
    drifting(served, "2013-S10")
    trigger, why = promotion.trigger_of(served, "2013-S10", "landing")
    assert trigger is not None and "since 2013-S10" in why
    assert triggers_in_ledger(served) == ["2013-S07", "2013-S10"]


def test_drift_against_another_champion_is_another_episode(served):
    drifting(served, "2013-S07")
    promotion.trigger_of(served, "2013-S07", "landing")
    decided(
        served,
        "2013-S07",
        "m1",
        decision="promote",
        champion_after="m2",
        trigger="drift",
        trained_through="2013-S06",
    )
    drifting(served, "2013-S08", reference="m2")
    trigger, why = promotion.trigger_of(served, "2013-S08", "landing")
    assert trigger is not None and "since 2013-S08" in why


def test_unchanged_drift_is_not_answered_again_after_a_promotion(served):
    def measure(sprint: str, state: str, reference: str, *drifted: str) -> None:
        drifting(served, sprint, reference, state)
        drift = served.measurement("drift", sprint).facts
        served.measure("drift", sprint, "v", {**drift, "drifted": list(drifted), "ways": ["alone"]})

    measure("2013-S07", "confirmed", "m1", "temperature", "rain")
    promotion.trigger_of(served, "2013-S07", "landing")
    more = {"decision": "promote", "champion_after": "m2", "trigger": "drift", "trained_through": "2013-S06"}
    decided(served, "2013-S07", "m1", **more)
    # The new champion's data start again: the first sprint against them can only be suspected.
    measure("2013-S08", "suspected", "m2", "temperature")
    decided(served, "2013-S08", "m2")
    measure("2013-S09", "confirmed", "m2", "temperature")
    trigger, why = promotion.trigger_of(served, "2013-S09", "landing")
    assert trigger is None and "since 2013-S07 was answered by the training of 2013-S07" in why
    assert triggers_in_ledger(served) == ["2013-S07"]


def test_a_sprint_that_could_not_be_compared_does_not_end_an_episode(served):
    drifting(served, "2013-S07")
    promotion.trigger_of(served, "2013-S07", "landing")
    decided(served, "2013-S07", "m1", decision="hold", trigger="drift", trained_through="2013-S06")
    drifting(served, "2013-S08", state="insufficient")
    decided(served, "2013-S08", "m1")
    drifting(served, "2013-S09")
    trigger, why = promotion.trigger_of(served, "2013-S09", "landing")
    assert trigger is None and "since 2013-S07 was answered" in why


@pytest.mark.parametrize("state", ["none", "suspected", "insufficient"])
def test_drift_that_is_not_confirmed_trains_nothing(served, state):
    drifting(served, "2013-S07", state=state)
    trigger, why = promotion.trigger_of(served, "2013-S07", "landing")
    assert trigger is None and f"drift is {state}" in why
    assert triggers_in_ledger(served) == []


def test_a_decided_sprint_never_trains_again(served):
    drifting(served, "2013-S06")
    assert promotion.trigger_of(served, "2013-S06", "a person") == (None, "nothing to decide")
    assert triggers_in_ledger(served) == []


@pytest.mark.fault
def test_without_a_decided_past_there_is_no_trigger(served):
    drifting(served, "2013-S08")
    with pytest.raises(decisions.PastMissing, match="2013-S07 is not closed"):
        promotion.trigger_of(served, "2013-S08", "landing")
