"""Where a procedure stands is read from its events alone."""

from __future__ import annotations

from datetime import UTC, datetime

from sprintline.mechanisms.ledger.chain import EMPTY, Event, Head, next_event
from sprintline.mechanisms.procedures.events import INTENT, OUTCOME, STEP
from sprintline.mechanisms.procedures.progress import Progress, open_ones, progress_of


def ledger(*said: tuple[str, str, dict]) -> list[Event]:
    events, head = [], EMPTY
    for kind, subject, more in said:
        body = {"procedure": "promote", "subject": subject, "attempt": 1, **more}
        events.append(
            next_event(head, at=datetime(2026, 1, 1, tzinfo=UTC), kind=kind, product="p", sprint=None,
                       actor="test", body=body)
        )  # fmt: skip
        head = Head(events[-1].seq, events[-1].hash)
    return events


BEGUN = (INTENT, "S1", {"meant": {"model": "m2"}})
DECIDED = (STEP, "S1", {"done": "decide"})


def test_nothing_said_is_nothing_begun():
    assert progress_of("promote", "S1", []) == Progress("promote", "S1")
    assert not progress_of("promote", "S1", ledger((INTENT, "S2", {"meant": {}}))).open


def test_an_intent_is_open_until_its_outcome():
    events = ledger(BEGUN, DECIDED)
    at = progress_of("promote", "S1", events)
    assert (at.open, at.intent, at.done, at.attempt) == (True, {"model": "m2"}, ("decide",), 1)
    assert open_ones(events) == [at]
    at = progress_of("promote", "S1", ledger(BEGUN, DECIDED, (OUTCOME, "S1", {"outcome": "done"})))
    assert (at.open, at.outcome, at.intent) == (False, "done", {"model": "m2"})


def test_what_was_undone_is_followed_by_another_attempt():
    events = ledger(BEGUN, (OUTCOME, "S1", {"outcome": "undone"}))
    assert progress_of("promote", "S1", events) == Progress("promote", "S1", 2)
    assert open_ones(events) == []


def test_events_are_keyed_by_attempt_and_step():
    at = Progress("promote", "S1", 2)
    assert (at.key(), at.key("decide")) == ("promote:S1:2", "promote:S1:2:decide")
    assert at.fields(why="so") == {"procedure": "promote", "subject": "S1", "attempt": 2, "why": "so"}


def test_procedures_do_not_hear_of_each_other():
    events = ledger(BEGUN, (INTENT, "S2", {"meant": {}}), (OUTCOME, "S2", {"outcome": "done"}))
    assert [one.subject for one in open_ones(events)] == ["S1"]
