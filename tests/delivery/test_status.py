"""Where sprints stand, told from calendar, verdicts, measurements and ledger alone."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from sprintline.delivery.status import State, brief, sprint_rows
from sprintline.mechanisms.ledger.chain import EMPTY, Head, next_event
from sprintline.mechanisms.rules.gates import Need, Waiver
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.calendar import Calendar

CALENDAR = Calendar(date(2013, 1, 1), 14, "America/New_York", date(2013, 3, 13))
S1, S2, S3 = CALENDAR.keys[:3]
IN_S3 = CALENDAR.window(S3).start + timedelta(days=3)
NEEDS = [Need("DQ101", "arrivals"), Need("DQ201", "questions")]


@dataclass
class Measured:
    data_version: str
    facts: dict
    at: datetime = field(default_factory=lambda: CALENDAR.window(S1).end)


METRICS = {
    "roc_auc": 0.73, "average_precision": 0.47, "brier": 0.14, "rows": 12000,
    "naive": {"roc_auc": 0.6, "average_precision": 0.3, "brier": 0.17, "rows": 12000},
    "twin": {"roc_auc": 0.7, "average_precision": 0.44, "brier": 0.15},
}  # fmt: skip


class World:
    """Records of one product, built up event by event."""

    def __init__(self):
        self.verdicts, self.measurements, self.events, self.head = [], {}, [], EMPTY

    def verdict(self, code, asset, sprint=S1, outcome=Outcome.PASS, version="v1", product="p", subject=""):
        self.verdicts.append(
            Verdict(product, sprint, code, asset, outcome, Severity.ERROR, "3 rows broken", version, subject)
        )

    def measure(self, asset, sprint=S1, version="v1", at=None, **facts):
        self.measurements[(sprint, asset)] = Measured(version, facts, *([at] if at else []))

    def append(self, kind, sprint=S1, at=None, product="p", as_of=None, **body):
        moment = at or CALENDAR.window(S1).end + timedelta(hours=1)
        event = next_event(
            self.head,
            at=moment,
            kind=kind,
            product=product,
            sprint=sprint,
            actor="test",
            body=body,
            as_of=as_of,
        )
        self.events.append(event)
        self.head = Head(event.seq, event.hash)

    def rows(self, now=IN_S3, needs=NEEDS, waivers=()):
        found = sprint_rows("p", CALENDAR, needs, self.verdicts, self.measurements, self.events, now, waivers)
        return {row.sprint: row for row in found}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def done(world):
    """The first sprint, closed and Done, served by a champion."""
    world.measure("arrivals", rows=100)
    world.measure("questions", rows=90)
    world.measure("drift", state="suspected", why="3 of 20 features moved")
    world.measure("scores", champion="m1", positive_rate=0.25, metrics=METRICS)
    world.verdict("DQ101", "arrivals")
    world.verdict("DQ201", "questions")
    world.append(
        "decision",
        trigger="new_data",
        decision="promote",
        champion_before="m1",
        champion_after="m2",
        why="better",
    )
    world.append("closed", done=True)
    return world


def test_a_row_per_planned_sprint_with_its_bounds(world):
    rows = world.rows()
    assert tuple(rows) == CALENDAR.keys
    assert rows[S1].start == "2013-01-01T05:00:00+00:00" and rows[S1].end == rows[S2].start
    assert rows[S1].first_day == "2013-01-01"
    assert all(not row.done and row.metrics is None and row.decision is None for row in rows.values())
    assert rows[S2].missing == ["no file of it has been taken in"] and rows[S3].missing == []


def test_states_without_any_record_follow_the_clock(world):
    rows = world.rows()
    assert [rows[key].state for key in CALENDAR.keys] == ["waiting", "waiting", "open", "planned", "planned"]
    assert world.rows(CALENDAR.window(S2).start)[S1].state is State.WAITING  # half open: its end is not in it
    assert world.rows(CALENDAR.window(S2).start)[S2].state is State.OPEN


def test_a_closed_sprint_tells_all_of_it(done):
    row = done.rows()[S1].as_dict()
    assert row["state"] == "closed" and row["done"] is True and row["missing"] == []
    assert row["rows"] == {"arrivals": 100, "questions": 90}
    assert row["rules"] == {"pass": 2, "fail": 0, "insufficient": 0, "not_passing": []}
    assert (row["champion"], row["trained"], row["decision"], row["why"]) == (
        "m1",
        "new_data",
        "promote",
        "better",
    )
    assert row["drift"] == "suspected" and row["drift_why"] == "3 of 20 features moved"
    assert row["positive_rate"] == 0.25
    assert row["metrics"]["roc_auc"] == 0.73 and row["metrics"]["twin"]["brier"] == 0.15
    assert set(row["metrics"]) == {"roc_auc", "average_precision", "brier", "naive", "twin"}
    assert set(row["metrics"]["naive"]) == {"roc_auc", "average_precision", "brier"}
    json.dumps(row)


def test_verdicts_on_older_data_make_it_undone(done):
    done.measure("arrivals", version="v2", rows=101)
    row = done.rows()[S1]
    assert not row.done and row.state is State.CLOSED
    assert row.missing == [
        "DQ101 on arrivals: stale: the verdict is on data version v1, arrivals now holds v2"
    ]


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INSUFFICIENT])
def test_what_does_not_pass_is_counted_and_missing(done, outcome):
    done.verdicts.pop(0)
    done.verdict("DQ101", "arrivals", outcome=outcome)
    row = done.rows()[S1]
    assert not row.done and row.rules[str(outcome)] == 1 and row.rules["not_passing"] == ["DQ101"]
    assert row.missing == [f"DQ101 on arrivals: {outcome}: 3 rows broken"]


def test_a_rule_that_was_never_judged_is_missing(done):
    row = done.rows(needs=[*NEEDS, Need("ML402", "candidate")])[S1]
    assert not row.done and row.missing == ["ML402 on candidate: no verdict"]


def test_without_needs_nothing_is_done(done):
    assert not done.rows(needs=[])[S1].done


def test_needs_may_differ_by_sprint_and_are_asked_for_begun_sprints_only(done):
    asked = []

    def needs(sprint):
        asked.append(sprint)
        return NEEDS

    assert done.rows(needs=needs)[S1].done
    assert asked == [S1]


def test_a_waiver_counts_when_it_was_in_force_as_the_sprint_closed(done):
    done.verdicts.pop(0)
    done.verdict("DQ101", "arrivals", outcome=Outcome.FAIL)
    closing_day = CALENDAR.window(S1).end.date()
    row = done.rows(waivers=[Waiver("DQ101", "sam", "sensor", closing_day)])[S1]
    assert row.done and row.missing == [] and "waived by sam" in row.waived[0]
    row = done.rows(waivers=[Waiver("DQ101", "sam", "sensor", closing_day - timedelta(days=1))])[S1]
    assert not row.done and "the waiver of sam ended" in row.missing[0]


def test_a_run_that_has_not_ended_leaves_it_undone(done):
    done.events = [event for event in done.events if event.kind != "closed"]
    row = done.rows()[S1]
    assert not row.done and row.state is State.WAITING and row.missing == ["its run has not reached the end"]


def test_a_refused_file_is_told_until_a_better_one_was_taken_in(world):
    at = CALENDAR.window(S1).end
    world.append("refused", source="arrivals", reason="line 7 ends in the middle of a row", at=at)
    row = world.rows()[S1]
    assert row.state is State.REFUSED and row.missing == [
        "arrivals was refused: line 7 ends in the middle of a row"
    ]
    assert row.why == "arrivals was refused: line 7 ends in the middle of a row"
    world.measure("arrivals", rows=100, at=at + timedelta(minutes=1))
    row = world.rows()[S1]
    assert row.state is State.WAITING and "arrivals was refused" not in " ".join(row.missing)


def test_a_refused_restatement_leaves_the_closed_sprint_closed_and_is_told(done):
    done.append("refused", source="arrivals", reason="empty", at=CALENDAR.window(S1).end + timedelta(days=1))
    row = done.rows()[S1]
    assert row.state is State.CLOSED and row.done and row.missing == []
    assert row.why == "better; arrivals was refused: empty"


@pytest.mark.parametrize("how", ["as_of", "judged_at in the body", "the wall clock alone"])
def test_a_closing_counts_at_the_platform_s_time_however_old_its_event_is(done, how):
    moment, years_later = CALENDAR.window(S1).end + timedelta(hours=1), datetime(2026, 1, 1, tzinfo=UTC)
    more = {"as_of": {"as_of": moment}, "judged_at in the body": {"judged_at": moment.isoformat()}}.get(
        how, {}
    )
    done.append("closed", at=years_later, **more)
    done.verdict("DQ101", "arrivals", outcome=Outcome.FAIL)
    row = done.rows(waivers=[Waiver("DQ101", "sam", "sensor", moment.date())])[S1]
    assert row.done is (how != "the wall clock alone")


def test_the_last_event_of_a_kind_counts(done):
    done.append("decision", trigger={"kind": "drift"}, decision="hold", why="not better")
    row = done.rows()[S1]
    assert (row.trained, row.decision, row.why) == ("drift", "hold", "not better")


def test_a_trigger_without_a_decision_yet_is_told(world):
    event = next_event(
        EMPTY, at=IN_S3, kind="trigger", product="p", sprint=S2, actor="t", body={"kind": "drift", "why": "w"}
    )
    world.events.append(event)
    assert world.rows()[S2].trained == "drift" and world.rows()[S2].decision is None


def test_a_sprint_without_a_champion_has_no_metrics(world):
    world.measure("predictions", rows=0, champion=None)
    world.measure("scores", champion=None, late_rate=0.4)
    row = world.rows()[S1]
    assert row.champion is None and row.metrics is None and row.positive_rate == 0.4


def test_other_products_do_not_matter(done):
    done.verdict("DQ101", "arrivals", outcome=Outcome.FAIL, product="q")
    done.append("decision", product="q", decision="hold", why="another's")
    row = done.rows()[S1]
    assert row.done and row.decision == "promote"


def test_assets_may_carry_the_product_in_their_name(world):
    world.measure("p/arrivals", rows=100)
    world.measure("p/questions", rows=90)
    world.verdict("DQ101", "p/arrivals")
    world.verdict("DQ201", "p/questions")
    world.append("closed")
    assert world.rows()[S1].done


def test_the_same_records_give_the_same_rows(done):
    assert done.rows() == done.rows()


def test_moments_are_utc(world):
    assert datetime.fromisoformat(world.rows()[S1].start).tzinfo == UTC


def test_a_short_reason_is_whole():
    assert brief("no champion yet: 1 of 6 sprints") == ("no champion yet: 1 of 6 sprints", True)
    assert brief("two\n lines") == ("two lines", True) and brief("") == ("", True)


@pytest.mark.parametrize(
    ("reason", "most", "shown"),
    [
        ("rows are few; drift is none", 20, "rows are few"),
        ("rows are few. Drift is none", 20, "rows are few"),
        ("a gain (95 %; sure): better (trained for drift: many rows)", 35, "a gain (95 %; sure): better"),
        ("one; two; three four five", 10, "one; two"),
        ("the file has no column carrier, origin or destination", 40, "the file has no column carrier"),
        ("words without any mark at all in them", 20, "words without any"),
        ("/a/path/longer/than/that and more", 10, "/a/path/longer/than/that"),
    ],
)
def test_a_long_reason_ends_where_a_clause_or_a_word_does(reason, most, shown):
    assert brief(reason, most) == (shown, False)


def test_one_long_word_is_all_of_it():
    assert brief("x" * 20, 10) == ("x" * 20, True)


def test_a_closed_sprint_shows_the_day_it_closed_on_whatever_the_calendar_says_now(world):
    world.measure("increment", S1, window=["2013-01-03", "2013-01-16", "America/New_York"])
    world.measure("increment", S2)
    rows = world.rows()
    assert (rows[S1].first_day, rows[S2].first_day) == ("2013-01-03", "2013-01-15")
