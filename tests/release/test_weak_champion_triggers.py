"""A champion that was weak in sprints in a row is a reason to train, once."""

from __future__ import annotations

import pytest
from tests.measured_facts import facts
from tests.release.decided import decided
from tests.release.test_triggers import _close

from sprintline.product.runtime import Runtime
from sprintline.release import promotion
from sprintline.release.triggers import DriftState, WeakChampion

GAIN = {"difference": 0.05, "low": 0.01, "high": 0.1, "draws": 500, "blocks": 14}


def scored(runtime: Runtime, sprint: str, share: float = 0.01, labelled: int = 100) -> None:
    """A sprint whose champion gave one number to a share of the questions."""
    answers = {
        "rows_hash": "h",
        "same": {"rows": 672, "number": 0.25, "share": share},
        "against_naive": [{"metric": metric, **GAIN} for metric in ("roc_auc", "brier")],
    }
    said = facts("scores", labelled=labelled, champion="m1", answers=answers)
    runtime.measure("scores", sprint, "v", said)


@pytest.fixture
def served(flights: Runtime) -> Runtime:
    """Six sprints closed with champion m1, trained through S04; in S05 and S06 it served."""
    for sprint in flights.calendar.keys[:4]:
        flights.measure("scores", sprint, "v", facts("scores", labelled=100, champion=None))
        decided(flights, sprint, None)
    decided(flights, "2013-S05", None, decision="bootstrap", champion_after="m1", trained_through="2013-S04")
    scored(flights, "2013-S05")
    return flights


def trigger(runtime: Runtime, sprint: str) -> tuple[str | None, str]:
    found, why = promotion.trigger_of(runtime, sprint, "landing")
    return (found["kind"] if found else None), why


def test_two_weak_sprints_in_a_row_train_once(served):
    scored(served, "2013-S06", share=1.0)
    kind, why = trigger(served, "2013-S06")
    assert kind is None and "the champion was weak in 1 sprint in a row (required: 2)" in why
    decided(served, "2013-S06", "m1")
    scored(served, "2013-S07", share=1.0)
    kind, why = trigger(served, "2013-S07")
    assert kind == "weak_champion"
    assert (
        "the champion was weak in 2 sprints in a row since 2013-S06 (required: 2): 200 labelled rows" in why
    )
    assert "all 672 predictions are 0.25" in why
    assert trigger(served, "2013-S07") == (kind, why), "asked again it is the same trigger"
    # Its candidate was held, and the champion is as weak in the next sprint: the row is answered already.
    more = {"decision": "hold", "trigger": "weak_champion", "candidate": "m2", "trained_through": "2013-S06"}
    decided(served, "2013-S07", "m1", **more)
    scored(served, "2013-S08", share=1.0)
    kind, why = trigger(served, "2013-S08")
    assert kind is None and "3 sprints in a row since 2013-S06, which was answered by the training of" in why
    decided(served, "2013-S08", "m1")
    # It recovered: what is weak after that is another row.
    scored(served, "2013-S09")
    assert trigger(served, "2013-S09")[0] is None
    decided(served, "2013-S09", "m1")
    for sprint, expected in (("2013-S10", None), ("2013-S11", "weak_champion")):
        scored(served, sprint, share=0.99)
        assert trigger(served, sprint)[0] == expected
        decided(served, sprint, "m1")


def test_a_training_before_the_row_was_long_enough_does_not_answer_it(served):
    scored(served, "2013-S06", share=1.0)
    more = {"decision": "hold", "trigger": "new_data", "candidate": "m2", "trained_through": "2013-S05"}
    decided(served, "2013-S06", "m1", **more)
    scored(served, "2013-S07", share=1.0)
    assert trigger(served, "2013-S07")[0] == "weak_champion"


def test_a_champion_that_holds_up_trains_nothing(served):
    scored(served, "2013-S06", share=0.9)
    kind, why = trigger(served, "2013-S06")
    assert kind is None and "weak" not in why


WEAK = WeakChampion(("2013-S06", "2013-S07"), 2, None, "all 672 predictions are 0.25")


def test_drift_goes_first_and_new_data_last():
    drift = DriftState("confirmed", since="2013-S07")
    assert _close(7, drift=drift, weak=WEAK).kind == "drift"
    assert _close(9, weak=WEAK).kind == "weak_champion"
    found = _close(7, weak=WEAK)
    assert found.kind == "weak_champion" and found.numbers["weak"] == ["2013-S06", "2013-S07"]


def test_without_newer_labels_there_is_nothing_to_learn_from():
    quiet = _close(7, through="2013-S06", weak=WEAK)
    assert not quiet and "no labelled row newer than 2013-S06 to learn from" in quiet.why


def test_weak_champions_train_in_the_closing_run():
    tags = {"dagster/sensor_name": "flight_delays_landing"}
    assert promotion.left_to_the_sensor({"kind": "weak_champion"}, tags) is False
