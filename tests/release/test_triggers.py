"""A candidate trains only for bootstrap, enough new data or unanswered confirmed drift, and says so with numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from sprintline.release.triggers import DriftState, NoTrigger, Trigger, Update, cadence, decide

KEYS = [f"2013-S{n:02d}" for n in range(1, 27)]
QUIET = DriftState("none")


def _updates(upto, rows=12_000, days=14, every=1):
    start = datetime(2013, 1, 1, tzinfo=UTC)
    return [
        Update(key, start + timedelta(days=days * (n + 1)), rows)
        for n, key in enumerate(KEYS[:upto])
        if n % every == 0
    ]


def _close(number, champion="m1", through="2013-S05", drift=QUIET, updates=None, **options):
    defaults = {"bootstrap_after": 6, "new_data_rows": 30_000, "new_data_updates": 3}
    return decide(
        KEYS[number - 1],
        closed=KEYS[:number],
        updates=_updates(number) if updates is None else updates,
        champion=champion,
        trained_through=through,
        drift=drift,
        **defaults | options,
    )


def test_bootstrap_waits_for_its_sprints_and_then_fires():
    early = _close(5, champion=None, through=None)
    assert not early and early.why == "no champion yet: 5 of 6 sprints closed before the first model is made"
    first = _close(6, champion=None, through=None)
    assert first.kind == "bootstrap" and first.numbers == {"closed": 6, "bootstrap_after": 6, "rows": 60_000}
    assert (
        first.why
        == "no champion yet and 6 sprints closed (required: 6): 60,000 labelled rows before 2013-S06"
    )


def test_after_a_held_candidate_only_what_is_newer_is_counted_and_that_is_said():
    again = _close(7, champion=None, through="2013-S05")
    assert again.numbers["rows"] == 12_000
    assert again.why.endswith(
        "12,000 labelled rows before 2013-S07 and after 2013-S05, which the last candidate learned from"
    )
    nothing = _close(7, champion=None, through="2013-S06")
    assert not nothing and "no labelled row before 2013-S07 and after 2013-S06, which the last" in nothing.why


def test_the_sprint_being_closed_is_no_data_to_train_on():
    updates = [u for u in _updates(6) if u.sprint == "2013-S06"]
    assert isinstance(_close(6, champion=None, through=None, updates=updates), NoTrigger)


def test_new_data_needs_rows_and_updates():
    assert not _close(8)
    due = _close(9)
    assert due.kind == "new_data" and due.numbers["new_rows"] == 36_000 and due.numbers["interval_days"] == 14
    assert "36,000 labelled rows in 3 updates since 2013-S05 (required: 30,000 rows and 3 updates" in due.why
    assert not _close(9, new_data_rows=40_000)
    assert _close(9, updates=_updates(9, rows=100)).why.startswith(
        "not enough new data: 300 labelled rows in 3 updates"
    )


def test_the_pace_is_the_source_s_own():
    slow = _updates(13, every=3)  # a source refreshed every third sprint
    assert cadence(slow).interval_days == 42 and cadence(slow).updates == 5
    assert not _close(10, updates=slow)
    assert _close(15, updates=_updates(15, every=3)).kind == "new_data"


def test_history_landed_in_one_afternoon_still_came_every_fortnight():
    assert cadence(_updates(6)).interval_days == 14
    assert cadence(_updates(1)) is None
    assert "pace is unknown" in _close(7, updates=_updates(1)).why


def test_a_held_candidate_is_not_made_again_next_sprint():
    assert not _close(10, through="2013-S08")


def test_confirmed_drift_trains_once():
    drift = DriftState("confirmed", since="2013-S07", why="weather moved by 0.9 standard deviations")
    fired = _close(7, drift=drift)
    assert fired.kind == "drift" and fired.numbers["since"] == "2013-S07" and "weather moved" in fired.why
    answered = DriftState("confirmed", since="2013-S07", answered="2013-S07")
    quiet = _close(8, through="2013-S06", drift=answered)
    assert not quiet and "answered by the training of 2013-S07" in quiet.why


def test_drift_without_newer_data_has_nothing_to_learn_from():
    quiet = _close(7, through="2013-S06", drift=DriftState("confirmed", since="2013-S07"))
    assert not quiet and "no labelled row newer than 2013-S06" in quiet.why


@pytest.mark.parametrize("state", ["none", "suspected", "insufficient"])
def test_only_confirmed_drift_counts(state):
    assert (
        not _close(7, drift=DriftState(state))
        and f"drift is {state}" in _close(7, drift=DriftState(state)).why
    )


def test_a_year_of_flights_trains_seldom():
    champion, through, kinds = None, None, []
    for number in range(1, 27):
        found = _close(number, champion=champion, through=through)
        if isinstance(found, Trigger):
            champion, through = "m", KEYS[number - 2]
            kinds.append((KEYS[number - 1], found.kind))
            assert found.as_dict()["kind"] == found.kind
    assert kinds[0] == ("2013-S06", "bootstrap") and len(kinds) == 7
