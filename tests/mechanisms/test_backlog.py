"""The board as a fold of sightings and recoveries: one item per finding, whatever the order of the sprints."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta

import pytest

from sprintline.mechanisms.backlog.board_rows import rows
from sprintline.mechanisms.backlog.events import (
    ASSIGNED,
    FINDING,
    ITEM_CLOSED,
    PLANNED,
    PRIORITISED,
    RECOVERED,
    STARTED,
)
from sprintline.mechanisms.backlog.items import (
    BacklogError,
    Seen,
    board,
    chosen,
    counts,
    fingerprint,
    new_entries,
    seen_in,
)
from sprintline.mechanisms.ledger.chain import EMPTY, Event, Head, next_event
from sprintline.mechanisms.rules.gates import Waiver
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict

NOW = datetime(2013, 5, 1, tzinfo=UTC)
ORDER = [f"S{n}" for n in range(1, 8)]
PASS, FAIL, BLIND = Outcome.PASS, Outcome.FAIL, Outcome.INSUFFICIENT
CLAIMS = {"DQ102": "lands_the_promised_volume", "MO501": "looks_like_the_training_data"}


def verdict(
    sprint, outcome, code="DQ102", asset="weather", sentence="900 rows", subject="", severity=Severity.ERROR
):
    return Verdict("p", sprint, code, asset, outcome, severity, sentence, "v1", subject)


class Books:
    """A ledger in memory, and the verdicts that are written to it."""

    def __init__(self):
        self.events: list[Event] = []

    def append(self, kind, sprint, body, actor="test", key=None):
        head = Head(self.events[-1].seq, self.events[-1].hash) if self.events else EMPTY
        self.events.append(
            next_event(head, at=NOW, kind=kind, product="p", sprint=sprint, actor=actor, body=body, key=key)
        )

    def take(self, *verdicts, alone=(), later=()):
        """Take in what the verdicts of each sprint show; returns the kinds of what was new."""
        seen: dict[str, Seen] = {}
        for sprint, found in itertools.groupby([*verdicts, *later], key=lambda one: one.sprint):
            seen[sprint] = seen_in(list(found), CLAIMS, alone)
        entries = new_entries(seen, self.events, ORDER)
        for one in entries:
            self.append(one.kind, one.sprint, one.body, key=one.key)
        return [one.kind for one in entries]

    def board(self):
        return board("p", "owner@example.org", self.events, ORDER)


@pytest.fixture
def books():
    return Books()


def test_a_first_sighting_opens_an_item_with_its_evidence(books):
    assert books.take(verdict("S1", FAIL)) == [FINDING]
    (item,) = books.board()
    assert item.open and item.sightings == 1 and item.owner == "owner@example.org"
    assert (item.code, item.asset, item.severity) == ("DQ102", "weather", "error")
    assert item.what == "lands the promised volume: does not hold"
    assert item.evidence == {"sentence": "900 rows", "sprint": "S1", "outcome": "fail", "data_version": "v1"}
    assert item.fingerprint == fingerprint("p", "DQ102", "weather", "") and item.fingerprint.startswith(
        item.id
    )


def test_the_same_finding_updates_its_item(books):
    books.take(verdict("S1", FAIL))
    books.take(verdict("S2", FAIL, sentence="700 rows", severity=Severity.WARN))
    (item,) = books.board()
    assert (item.sightings, item.first, item.since, item.last) == (2, "S1", "S1", "S2")
    assert item.evidence["sentence"] == "700 rows" and item.severity == "warn"


def test_a_sprint_run_again_adds_no_sighting(books):
    books.take(verdict("S1", FAIL))
    assert books.take(verdict("S1", FAIL)) == []
    assert books.take(verdict("S1", FAIL, sentence="800 rows")) == [FINDING], (
        "what it says is brought up to date"
    )
    (item,) = books.board()
    assert item.sightings == 1 and item.evidence["sentence"] == "800 rows"


def test_written_at_once_by_two_the_keys_are_the_same(books):
    seen = {"S1": seen_in([verdict("S1", FAIL)], CLAIMS)}
    assert [one.key for one in new_entries(seen, [], ORDER)] == [
        one.key for one in new_entries(seen, [], ORDER)
    ]


def test_a_recovery_closes_and_a_relapse_opens_the_same_item(books):
    books.take(verdict("S1", FAIL))
    assert books.take(verdict("S2", PASS)) == [RECOVERED]
    (item,) = books.board()
    assert not item.open and item.recovered == "S2"
    assert books.take(verdict("S3", PASS)) == [], "a recovery is told once"
    books.take(verdict("S4", FAIL))
    (again,) = books.board()
    assert again.open and again.id == item.id
    assert (again.first, again.since, again.sightings, again.reopened) == ("S1", "S4", 2, 1)
    assert again.recovered is None


def test_what_never_failed_is_no_item(books):
    assert books.take(verdict("S1", PASS)) == [] and books.board() == []


def test_missing_evidence_is_no_recovery_and_an_item_of_its_own(books):
    books.take(verdict("S1", FAIL))
    books.take(verdict("S2", BLIND, sentence="nothing was recorded"))
    failing, blind = sorted(books.board(), key=lambda item: item.cause)
    assert failing.open and blind.open and blind.cause == "no evidence"
    books.take(verdict("S3", FAIL))
    failing, blind = sorted(books.board(), key=lambda item: item.cause)
    assert failing.open and failing.sightings == 2
    assert blind.recovered == "S3", "there is evidence again, whatever it says"


def test_subjects_of_one_rule_are_items_of_their_own(books):
    books.take(verdict("S1", FAIL, subject="EWR"), verdict("S1", FAIL, subject="JFK"))
    books.take(verdict("S2", PASS, subject="EWR"), verdict("S2", FAIL, subject="JFK"))
    assert {item.cause: item.open for item in books.board()} == {"EWR": False, "JFK": True}


def test_a_rule_whose_sprints_stand_alone_is_mended_by_its_own_sprint_only(books):
    books.take(verdict("S1", FAIL), alone=["DQ102"])
    books.take(verdict("S2", PASS), alone=["DQ102"])
    assert books.board()[0].open
    books.take(verdict("S1", PASS), alone=["DQ102"])
    assert books.board()[0].recovered == "S1"


def test_sprints_without_evidence_are_one_item_also_of_a_rule_whose_sprints_stand_alone(books):
    books.take(verdict("S1", Outcome.INSUFFICIENT), alone=["DQ102"])
    books.take(verdict("S2", Outcome.INSUFFICIENT), alone=["DQ102"])
    (item,) = books.board()
    assert item.open and item.sightings == 2
    books.take(verdict("S3", FAIL), alone=["DQ102"])
    blind, failed = sorted(books.board(), key=lambda one: one.open)
    assert blind.recovered == "S3" and failed.open


def test_a_restated_sprint_takes_back_what_it_said(books):
    books.take(verdict("S1", FAIL))
    books.take(verdict("S2", FAIL))
    books.take(verdict("S2", PASS, sentence="1,200 rows"))
    (item,) = books.board()
    assert item.recovered == "S2" and item.sightings == 2
    books.take(verdict("S2", FAIL))
    (item,) = books.board()
    assert item.open and item.sightings == 2
    assert (item.since, item.reopened) == ("S1", 0), "by the calendar it never went away"


def test_an_old_sprint_that_fails_late_is_recovered_by_the_ones_that_passed(books):
    books.take(verdict("S3", PASS))
    books.take(verdict("S2", FAIL), later=[verdict("S3", PASS)])
    (item,) = books.board()
    assert (item.state, item.last, item.recovered) == ("closed", "S2", "S3")


def test_the_board_does_not_depend_on_the_order_in_which_sprints_closed():
    outcomes = dict(zip(ORDER, [FAIL, FAIL, PASS, BLIND, FAIL, PASS, PASS], strict=True))
    found = set()
    for seed in range(40):
        books, judged = Books(), {}
        for sprint in random.Random(seed).sample(ORDER, len(ORDER)):
            judged[sprint] = outcomes[sprint]
            after = [key for key in ORDER if key in judged and ORDER.index(key) > ORDER.index(sprint)]
            books.take(verdict(sprint, judged[sprint]), later=[verdict(key, judged[key]) for key in after])
        found.add(
            tuple((i.id, i.state, i.sightings, i.first, i.since, i.last, i.recovered) for i in books.board())
        )
    assert len(found) == 1
    ((failing, blind),) = found
    assert failing[1:] == ("closed", 3, "S1", "S5", "S5", "S6")
    assert blind[1:] == ("closed", 1, "S4", "S4", "S4", "S5")


def test_a_person_assigns_and_closes_and_the_next_sighting_opens_again(books):
    books.take(verdict("S1", FAIL))
    name = books.board()[0].fingerprint
    books.append(ASSIGNED, None, {"item": name, "owner": "sam"})
    books.append(ITEM_CLOSED, None, {"item": name, "reason": "accepted"}, actor="dana")
    (item,) = books.board()
    assert (item.state, item.closed_by, item.closed_why, item.owner) == ("closed", "dana", "accepted", "sam")
    books.take(verdict("S1", FAIL))
    assert not books.board()[0].open, "the same sprint run again is no new sighting"
    books.take(verdict("S2", FAIL))
    (item,) = books.board()
    assert item.open and item.reopened == 1 and item.closed_by is None and item.owner == "sam"


def test_open_errors_come_first_then_what_was_seen_longest(books):
    books.take(
        verdict("S1", FAIL, asset="a", severity=Severity.WARN),
        verdict("S1", FAIL, asset="b"),
        verdict("S1", FAIL, asset="c"),
        verdict("S1", FAIL, asset="d"),
    )
    books.take(verdict("S2", FAIL, asset="c"), verdict("S2", PASS, asset="d"))
    assert [item.asset for item in books.board()] == ["c", "b", "a", "d"]
    assert counts(books.board()) == {"open": 3, "error": 2, "warn": 1, "closed": 1}


def test_items_are_called_by_the_beginning_of_their_fingerprint(books):
    books.take(verdict("S1", FAIL, asset="a"), verdict("S1", FAIL, asset="b"))
    items = books.board()
    assert chosen(items, items[0].id.upper()) == items[0]
    with pytest.raises(BacklogError, match="there is no item zz"):
        chosen(items, "zz")
    with pytest.raises(BacklogError, match="there is no item"):
        chosen(items, "")
    same = [items[0], items[0]]
    with pytest.raises(BacklogError, match="begins 2 items"):
        chosen(same, items[0].id[:2])


def test_the_row_tells_who_lets_it_be(books):
    books.take(verdict("S1", FAIL))
    waiver = Waiver("DQ102", "sam", "sensor", date(2013, 5, 2))
    (row,) = rows(books.board(), [waiver], NOW)
    assert row["waived"] == "sam until the end of 2013-05-02"
    assert (
        row["evidence"] == "S1: 900 rows" and row["what"] == "DQ102 lands the promised volume: does not hold"
    )
    assert rows(books.board(), [waiver], NOW + timedelta(days=2))[0]["waived"] == ""
    gone = Waiver("DQ102", "sam", "sensor", date(2013, 5, 2), withdrawn="dana (why)")
    assert rows(books.board(), [gone], NOW)[0]["waived"] == ""


def test_the_board_is_sorted_by_priority_a_person_s_before_that_of_the_severity(books):
    books.take(
        verdict("S1", FAIL, code="A"),
        verdict("S1", FAIL, code="B", severity=Severity.WARN),
        verdict("S1", FAIL, code="C"),
    )
    assert [(one.code, one.priority, one.kind) for one in books.board()] == [
        ("A", "high", "finding"), ("C", "high", "finding"), ("B", "normal", "finding"),
    ]  # fmt: skip
    first, _, last = books.board()
    books.append(PRIORITISED, None, {"item": first.fingerprint, "priority": "high"})
    books.append(PRIORITISED, None, {"item": first.fingerprint, "priority": "low"})
    books.append(PRIORITISED, None, {"item": last.fingerprint, "priority": "high"})
    assert [(one.code, one.priority) for one in books.board()] == [("C", "high"), ("B", "high"), ("A", "low")]
    # A later sighting does not take back what a person decided.
    books.take(verdict("S2", FAIL, code="A"))
    assert books.board()[-1].priority == "low"


def test_a_start_counts_until_the_item_is_closed_and_not_for_a_later_episode(books):
    books.take(verdict("S1", FAIL))
    (item,) = books.board()
    books.append(STARTED, None, {"item": item.fingerprint}, actor="kim")
    books.append(STARTED, None, {"item": item.fingerprint}, actor="dana")
    books.take(verdict("S2", FAIL))
    (item,) = books.board()
    assert (item.started, item.started_by) == (NOW.isoformat(), "kim")
    assert rows([item], (), NOW)[0]["started"] == "kim on 2013-05-01"
    books.take(verdict("S3", PASS))
    (item,) = books.board()
    assert not item.open and item.started_by == "kim"
    books.take(verdict("S4", FAIL))
    (item,) = books.board()
    assert item.open and item.started is None and rows([item], (), NOW)[0]["started"] == ""
    books.append(STARTED, None, {"item": item.fingerprint}, actor="sam")
    books.append(ITEM_CLOSED, None, {"item": item.fingerprint, "reason": "known"})
    assert books.board()[0].started_by == "sam"
    books.take(verdict("S5", FAIL))
    assert books.board()[0].started is None


def test_planned_work_is_an_item_that_moves_closes_and_opens_again(books):
    name = fingerprint("p", "spike", "", "Try the weather")
    plan = {"item": name, "kind": "spike", "what": "Try the weather"}
    books.append(PLANNED, "S1", plan)
    books.append(STARTED, None, {"item": name})
    (item,) = books.board()
    assert (item.kind, item.what, item.last, item.priority) == ("spike", "Try the weather", "S1", "normal")
    assert item.open and item.started and item.sightings == 0
    books.append(PLANNED, "S2", plan)
    (item,) = books.board()
    assert (item.first, item.last, item.name) == ("S1", "S2", f"{item.id} (Try the weather)")
    books.append(ITEM_CLOSED, None, {"item": name, "reason": "tried"})
    (item,) = books.board()
    assert not item.open and item.closed_why == "tried"
    books.append(PLANNED, "S3", plan)
    (item,) = books.board()
    assert item.open and item.started is None and item.reopened == 1


def test_planned_work_and_findings_are_one_board(books):
    books.append(
        PLANNED, "S1", {"item": fingerprint("p", "task", "", "Write"), "kind": "task", "what": "Write"}
    )
    books.take(verdict("S1", FAIL))
    assert [item.kind for item in books.board()] == ["finding", "task"]
    assert [row["what"] for row in rows(books.board(), [], NOW)][1] == "Write"


def test_planned_work_stays_when_its_sprint_leaves_the_calendar(books):
    name = fingerprint("p", "task", "", "Write")
    books.append(PLANNED, "S9", {"item": name, "kind": "task", "what": "Write"})
    (item,) = books.board()
    assert item.open and item.last == "S9" and "S9" not in ORDER
