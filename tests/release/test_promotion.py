"""Who stood, who serves next, and when something trains: on real records, without training anything."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from types import SimpleNamespace

import dagster as dg
import pandas as pd
import pytest
from tests.measured_facts import facts
from tests.release.decided import decided

from sprintline.base.databases import RecordsError
from sprintline.base.failpoints import VARIABLE
from sprintline.base.steps import StepFailed
from sprintline.governance import decide as acts
from sprintline.learning.registry import Models
from sprintline.mechanisms.procedures.events import OUTCOME
from sprintline.mechanisms.rules.registry import rules_of_gate
from sprintline.mechanisms.rules.rulebook import PROMOTION
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.monitoring import assets as models
from sprintline.product import past as decisions
from sprintline.product.runtime import NotMeasured, Runtime, load_runtime
from sprintline.release import promotion
from sprintline.release.live import live
from sprintline.release.procedures import PROMOTE

DRIFT = {"kind": "drift", "why": "drift is confirmed since 2013-S07", "numbers": {}}
BOOTSTRAP = {"kind": "bootstrap", "why": "no champion yet and 6 sprints closed", "numbers": {}}


class Alias:
    """Stands in for registry and releases: keeps which model the alias was pointed to, in order; all releases whole."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []
        self.damage: list[str] = []

    def release(self, model_id: str, expected: str | None = None) -> Alias:
        return self

    def verify(self) -> list[str]:
        return self.damage

    def set_alias(self, model_id: str, alias: str) -> None:
        self.given.append((model_id, alias))


@pytest.fixture
def alias(flights: Runtime) -> Alias:
    flights.opened[Models] = mirror = Alias()
    return mirror


def champion_before(runtime: Runtime, sprint: str) -> str | None:
    found = live(runtime, sprint)
    return found.model_id if found else None


def decisions_in_ledger(runtime: Runtime) -> list[str | None]:
    return [event.sprint for event in runtime.records.events(product=runtime.product, kind="decision")]


def judged(runtime: Runtime, sprint: str, version: str = "v1", **outcomes: str) -> None:
    """A measured candidate `m2` with a verdict of every promotion rule, a pass unless told otherwise."""
    through = runtime.calendar.previous(sprint)[-1]
    candidate = facts("candidate", model_id="m2", trained_through=through, release_digest="d2")
    runtime.measure("candidate", sprint, "v1", candidate)
    runtime.records.record_verdicts(
        [
            Verdict(
                product=runtime.product,
                scope=sprint,
                code=rule.code,
                asset="candidate",
                severity=Severity.WARN,
                outcome=Outcome(outcomes.get(rule.code, "pass")),
                sentence=f"{rule.name} in numbers",
                data_version=version,
            )
            for rule in rules_of_gate(PROMOTION)
            if outcomes.get(rule.code) != "unjudged"
        ]
    )


# --- who was there before ---------------------------------------------------------------------------------------------


def test_before_the_first_sprint_nobody_stood(flights):
    assert champion_before(flights, "2013-S01") is None


def test_the_champion_is_the_one_the_decision_before_left(flights):
    decided(flights, "2013-S01", None)
    decided(flights, "2013-S02", None, decision="bootstrap", champion_after="m1")
    assert champion_before(flights, "2013-S02") is None
    assert champion_before(flights, "2013-S03") == "m1"


@pytest.mark.fault
def test_an_undecided_past_is_told_in_a_sentence(flights):
    decided(flights, "2013-S01", "m1")
    with pytest.raises(decisions.PastMissing) as told:
        champion_before(flights, "2013-S03")
    assert str(told.value) == (
        "2013-S03 waits: 2013-S02 is not closed, so the champion before 2013-S03 is unknown"
    )


def test_a_pending_retraining_is_what_the_next_sprint_waits_for(flights):
    flights.records.append("trigger", flights.product, "2013-S02", "test", DRIFT, key="2013-S02")
    with pytest.raises(
        decisions.PastMissing, match=r"2013-S02 has a pending retraining \(drift is confirmed since"
    ):
        champion_before(flights, "2013-S03")
    assert decisions.pending_trigger(flights, "2013-S02") == DRIFT
    decided(flights, "2013-S02", "m1")
    assert decisions.pending_trigger(flights, "2013-S02") is None
    assert champion_before(flights, "2013-S03") == "m1"


def test_what_an_asset_never_recorded_is_asked_for_in_vain(flights):
    with pytest.raises(NotMeasured, match="materialize flight_delays/scores"):
        flights.measurement("scores", "2013-S01")


# --- the decision ----------------------------------------------------------------------------------------------------


@pytest.mark.fault
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "UPDATE verdicts SET outcome = 'pass'",
            "the verdict ML403 on candidate was changed after it was recorded",
        ),
        (
            "UPDATE measurements SET facts = replace(facts, '\"rows\":0', '\"rows\":9') WHERE asset = 'candidate'",
            "the measurement of candidate was changed",
        ),
        ("DELETE FROM verdicts WHERE outcome = 'fail'", "the verdict ML403 on candidate was deleted"),
    ],
)
def test_a_candidate_is_held_when_another_hand_changed_what_is_recorded_of_it(
    flights, alias, statement, says
):
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02", ML403="fail" if "measurements" not in statement else "pass")
    with sqlite3.connect(flights.home.root / "records.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount
    connection.close()
    body = promotion.decide(flights, "2013-S02", DRIFT, DRIFT["why"], "retraining")
    assert body["decision"] == "hold" and says in body["why"], body["why"]
    assert alias.given == []


@pytest.mark.fault
@pytest.mark.parametrize(
    "statement",
    [
        'UPDATE ledger SET body = replace(body, \'"champion_after":"m1"\', \'"champion_after":"m9"\')',
        "UPDATE ledger SET body = replace(body, ':', ': ')",
        "UPDATE ledger SET body = '{'",
    ],
)
def test_an_edited_decision_makes_no_model_live(flights, statement):
    decided(flights, "2013-S01", "m1")
    with sqlite3.connect(flights.home.root / "records.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
    connection.close()
    for read in (lambda: live(flights), lambda: decisions.decision_of(flights, "2013-S01")):
        with pytest.raises(
            RecordsError, match=r"event 1 of the ledger \(decision of .*2013-S01\) was edited"
        ):
            read()


def test_a_decision_carries_what_it_is_based_on(flights, alias):
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02")
    body = promotion.decide(flights, "2013-S02", DRIFT, DRIFT["why"], "retraining")
    assert body["decision"] == "promote"
    assert body["rests_on"]["verdicts"] == len(rules_of_gate(PROMOTION))
    assert body["rests_on"]["measurements"] == 1
    report = flights.records.verify()
    assert report.ok and report.records.covered == 1 and report.records.without == (1,)


def test_a_decision_is_taken_once_and_repeated(flights, alias):
    first = promotion.decide(flights, "2013-S01", None, "no champion yet: 1 of 6 sprints closed", "landing")
    assert (first["decision"], first["champion_after"], first["candidate"]) == ("none", None, None)
    again = promotion.decide(flights, "2013-S01", DRIFT, "another reason", "a person")
    assert again == first
    assert decisions_in_ledger(flights) == ["2013-S01"]
    assert alias.given == []
    assert flights.records.verify().ok


def test_a_candidate_that_passes_becomes_the_first_champion(flights, alias):
    decided(flights, "2013-S01", None)
    judged(flights, "2013-S02")
    found = promotion.decide(flights, "2013-S02", BOOTSTRAP, BOOTSTRAP["why"], "landing")
    assert (found["decision"], found["champion_before"], found["champion_after"]) == ("bootstrap", None, "m2")
    assert found["release_digest"] == "d2" and found["why"].startswith(
        "beats_the_champion in numbers (trained for"
    )
    assert alias.given == [("m2", "champion")]
    assert champion_before(flights, "2013-S03") == "m2"


def test_a_better_candidate_is_promoted(flights, alias):
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02")
    found = promotion.decide(flights, "2013-S02", DRIFT, DRIFT["why"], "retraining")
    assert (found["decision"], found["champion_before"], found["champion_after"]) == ("promote", "m1", "m2")
    assert found["trigger"] == "drift"


@pytest.mark.fault
@pytest.mark.parametrize("outcome", ["fail", "insufficient", "unjudged"])
def test_a_candidate_that_does_not_pass_every_rule_is_held(flights, alias, outcome):
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02", ML403=outcome)
    found = promotion.decide(flights, "2013-S02", DRIFT, DRIFT["why"], "retraining")
    assert (found["decision"], found["champion_after"], found["candidate"]) == ("hold", "m1", "m2")
    assert "ML403 on candidate" in found["why"] and found["release_digest"] is None
    assert alias.given == []


def test_a_tie_holds_and_is_told(flights, alias):
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02", ML405="fail")
    found = promotion.decide(flights, "2013-S02", DRIFT, DRIFT["why"], "retraining")
    assert (found["decision"], found["champion_after"]) == ("hold", "m1")
    assert "ML405 on candidate: fail: beats_the_champion in numbers" in found["why"] and alias.given == []


def test_a_recorded_waiver_opens_the_promotion_gate(flights, alias):
    flights.clock.move(flights.window("2013-S02").end)
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02", ML408="fail")
    said = {"code": "ML408", "reason": "the route ended", "expires": "2013-06-01", "approver": "sam"}
    acts.waive(flights, "dana", **said)
    found = promotion.decide(flights, "2013-S02", DRIFT, DRIFT["why"], "retraining")
    assert (found["decision"], found["champion_after"]) == ("promote", "m2")


@pytest.mark.fault
def test_verdicts_on_another_candidate_hold(flights, alias):
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02", version="v0")
    found = promotion.decide(flights, "2013-S02", DRIFT, DRIFT["why"], "retraining")
    assert found["decision"] == "hold" and "stale" in found["why"]


@pytest.mark.fault
def test_a_release_that_was_changed_after_it_was_judged_is_held(flights, alias):
    alias.damage = ["model.onnx was changed after the release"]
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02")
    found = promotion.decide(flights, "2013-S02", DRIFT, DRIFT["why"], "retraining")
    assert (found["decision"], found["champion_after"]) == ("hold", "m1")
    assert "no data of it is on record now" in found["why"] and alias.given == []


@pytest.mark.fault
def test_a_trigger_without_a_candidate_decides_nothing(flights, alias):
    with pytest.raises(StepFailed, match="materialize candidate and champion together"):
        promotion.decide(flights, "2013-S01", BOOTSTRAP, BOOTSTRAP["why"], "landing")
    assert decisions_in_ledger(flights) == []


@pytest.mark.fault
def test_an_undecided_past_decides_nothing(flights, alias):
    with pytest.raises(decisions.PastMissing):
        promotion.decide(flights, "2013-S02", None, "no trigger", "landing")
    assert decisions_in_ledger(flights) == []


def test_repeating_an_old_decision_leaves_the_alias_with_the_newest(flights, alias):
    decided(flights, "2013-S01", None, decision="bootstrap", champion_after="m1")
    decided(flights, "2013-S02", "m1", decision="promote", champion_after="m2")
    promotion.decide(flights, "2013-S01", None, "again", "a person")
    assert alias.given == [("m2", "champion")]


# --- a promotion is a procedure --------------------------------------------------------------------------------------


@pytest.fixture
def candidate(flights):
    flights.opened[Models] = Alias()
    decided(flights, "2013-S01", "m1")
    judged(flights, "2013-S02")
    return flights


def promoted(runtime):
    return promotion.decide(runtime, "2013-S02", DRIFT, DRIFT["why"], "retraining")


def kinds(runtime) -> Counter:
    return Counter(event.kind for event in runtime.records.events(product=runtime.product, sprint="2013-S02"))


@pytest.mark.fault
@pytest.mark.parametrize("point", [*PROMOTE.failpoints, "decision.taken"])
def test_a_promotion_killed_anywhere_is_completed_once(candidate, point):
    child = os.fork()
    if child == 0:
        os.environ[VARIABLE] = point
        promoted(candidate)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    again = load_runtime(candidate.folder, candidate.home)
    again.opened[Models] = Alias()
    found = promoted(again)
    assert (found["decision"], found["champion_after"]) == ("promote", "m2")
    assert kinds(again) == {"intent": 1, "step": 2, "decision": 1, "outcome": 1}
    assert promoted(again) == found
    assert kinds(again) == {"intent": 1, "step": 2, "decision": 1, "outcome": 1}
    assert again[Models].given[-1] == ("m2", "champion")


@pytest.mark.fault
def test_an_intent_the_gate_no_longer_supports_is_taken_back(candidate, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(promotion, "_decide", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        promoted(candidate)
    assert kinds(candidate) == {"intent": 1}
    judged(candidate, "2013-S02", ML403="fail")
    found = promoted(candidate)
    assert (found["decision"], found["champion_after"]) == ("hold", "m1")
    assert kinds(candidate) == {"intent": 1, "outcome": 1, "decision": 1}
    outcome = candidate.records.events(product=candidate.product, kind=OUTCOME)[-1].body
    assert outcome["outcome"] == "undone" and outcome["why"].startswith(
        "the gate answers differently by now: hold"
    )
    assert candidate[Models].given == []


@pytest.mark.fault
def test_a_mirror_that_fails_leaves_the_decision_and_is_caught_up_with(candidate, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(OSError, match="read-only"):
        patch.setattr(Alias, "set_alias", lambda *_: (_ for _ in ()).throw(OSError("read-only")))
        promoted(candidate)
    assert kinds(candidate) == {"intent": 1, "step": 1, "decision": 1}
    promoted(candidate)
    assert kinds(candidate) == {"intent": 1, "step": 2, "decision": 1, "outcome": 1}
    assert candidate[Models].given == [("m2", "champion")]


# --- what trains, and in which run -----------------------------------------------------------------------------------


def test_measures_that_one_class_leaves_open_are_told_as_such():
    assert models._shown(None, chance=True) == "unknown: all outcomes are equal"
    assert models._shown(None, chance=False) == "unknown"
    assert models._shown(0.25, chance=True) == 0.25


def test_an_answer_is_yes_or_no_and_what_has_none_yet_is_no_outcome(flights):
    label = flights.spec.model.label
    truth = pd.DataFrame({label: pd.array([True, None, False], dtype="boolean")})
    assert list(models.answered(flights, "2013-S01", truth)[label]) == [True, False]
    with pytest.raises(
        dg.Failure,
        match=r"1 of 2 answers of 2013-S01 are not yes or no, the first is 35\.0: late of outcomes must be",
    ):
        models.answered(flights, "2013-S01", pd.DataFrame({label: [1.0, 35.0, None]}))


def test_an_answer_that_is_none_of_the_classes_stops_the_sprint(flights):
    model = flights.spec.model.model_copy(
        update={"task": "multiclass", "classes": ["early", "late"], "label": "how"}
    )
    arrivals = SimpleNamespace(spec=SimpleNamespace(model=model))
    assert list(models.answered(arrivals, "2013-S01", pd.DataFrame({"how": ["late", None]}))["how"]) == [
        "late"
    ]
    with pytest.raises(
        dg.Failure, match="1 of 2 answers of 2013-S01 are not one of the classes, the first is Late: how"
    ):
        models.answered(arrivals, "2013-S01", pd.DataFrame({"how": ["late", "Late"]}))
