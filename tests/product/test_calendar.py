"""Sprint windows tile time, whatever the calendar; keys name them without doubt."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sprintline.product.calendar import Calendar, CalendarError

FLIGHTS = Calendar(date(2013, 1, 1), 14, "America/New_York", date(2014, 7, 2))

calendars = st.builds(
    lambda start, days, zone, plan: Calendar(start, days, zone, start + timedelta(days=days * plan + 3)),
    st.dates(date(1995, 1, 1), date(2035, 1, 1)),
    st.integers(1, 60),
    st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(1, 60),
)


@given(calendars)
@settings(max_examples=150, deadline=None)
def test_windows_tile_time_with_no_gap_and_no_overlap(calendar):
    for before, after in zip(calendar.sprints, calendar.sprints[1:], strict=False):
        assert before.end == after.start
        assert before.key < after.key
    assert len(set(calendar.keys)) == len(calendar.keys)


@given(calendars, st.floats(-0.1, 1.1))
@settings(max_examples=150, deadline=None)
def test_every_moment_belongs_to_the_one_sprint_that_holds_it(calendar, where):
    first, last = calendar.sprints[0].start, calendar.sprints[-1].end
    moment = first + (last - first) * where
    holders = [sprint for sprint in calendar.sprints if sprint.holds(moment)]
    assert [calendar.sprint_at(moment)] == (holders or [None])


@given(calendars)
@settings(max_examples=60, deadline=None)
def test_sprints_start_at_local_midnight_and_number_within_the_year_of_their_last_day(calendar):
    zone, seen = ZoneInfo(calendar.timezone), {}
    for sprint in calendar.sprints:
        local = sprint.start.astimezone(zone)
        assert (local.hour, local.minute) == (0, 0) or local.utcoffset() != (
            local - timedelta(hours=3)
        ).utcoffset()
        year = (sprint.end.astimezone(zone).date() - timedelta(days=1)).year
        seen[year] = seen.get(year, 0) + 1
        assert sprint.key == f"{year}-S{seen[year]:0{3 if calendar.length_days < 4 else 2}d}"
    assert list(calendar.keys) == sorted(calendar.keys), "what is trained on earlier sprints relies on it"


def test_2013_holds_26_whole_fortnights_and_new_years_eve_opens_the_next_year():
    assert [key for key in FLIGHTS.keys if key.startswith("2013")] == [f"2013-S{n:02d}" for n in range(1, 27)]
    eve = datetime(2013, 12, 31, 17, tzinfo=UTC)
    assert FLIGHTS.sprint_at(eve).key == "2014-S01"
    assert FLIGHTS.sprint_at(eve - timedelta(days=1)).key == "2013-S26"


def test_a_window_is_an_hour_short_where_clocks_go_forward():
    spans = {s.key: s.end - s.start for s in FLIGHTS.sprints}
    assert spans["2013-S05"] == timedelta(days=14, hours=-1)  # 10 March 2013
    assert spans["2013-S22"] == timedelta(days=14, hours=1)  # 3 November 2013
    assert spans["2013-S07"] == timedelta(days=14)


def test_single_sprints_may_last_longer_and_the_rest_moves():
    calendar = Calendar(date(2013, 1, 1), 14, "UTC", date(2013, 4, 1), lengths={"2013-S02": 21})
    assert calendar.window("2013-S02").end - calendar.window("2013-S02").start == timedelta(days=21)
    assert calendar.window("2013-S03").start == datetime(2013, 2, 5, tzinfo=UTC)


def test_from_a_sprint_on_all_last_longer_and_what_was_before_stays():
    before = Calendar(date(2026, 1, 5), 7, "Europe/Berlin", date(2026, 12, 1))
    changed = {"2026-S07": 14, "2026-S10": 28}
    after = Calendar(date(2026, 1, 5), 7, "Europe/Berlin", date(2026, 12, 1), {"2026-S11": 35}, changed)
    assert after.sprints[:6] == before.sprints[:6]
    zone = ZoneInfo("Europe/Berlin")
    days = [
        (one.end.astimezone(zone).date() - one.start.astimezone(zone).date()).days for one in after.sprints
    ]
    assert days[:13] == [7] * 6 + [14] * 3 + [28, 35, 28, 28]
    assert [after.usual_days(key) for key in after.keys[5:11]] == [7, 14, 14, 14, 28, 28]
    for one, other in pairwise(after.sprints):
        assert one.end == other.start and one.key < other.key


@given(calendars, st.data())
@settings(max_examples=100, deadline=None)
def test_windows_tile_time_whatever_changes_from_a_sprint_on(calendar, data):
    since = data.draw(st.sampled_from(calendar.keys))
    days = data.draw(st.integers(4 if calendar.length_days >= 4 else 1, 60))
    changed = replace(calendar, length_days_from={since: days})
    try:
        sprints = changed.sprints
    except CalendarError as error:
        # The turn of a year, or a sprint that no longer fits before the horizon.
        assert "cannot last" in str(error) or "not a planned sprint" in str(error)
        return
    place = calendar.window(since).index
    assert sprints[:place] == calendar.sprints[:place], "what was before keeps its days"
    for one, other in pairwise(sprints):
        assert one.end == other.start and one.key < other.key


def test_a_length_that_cannot_begin_at_the_turn_of_a_year_names_the_sprint_that_can():
    with pytest.raises(CalendarError, match="let length_days_from name 2026-S02 instead"):
        _ = Calendar(
            date(2026, 12, 10), 14, "UTC", date(2027, 6, 1), length_days_from={"2027-S01": 7}
        ).sprints
    with pytest.raises(CalendarError, match="length_days_from names 2026-S99"):
        _ = Calendar(date(2026, 1, 5), 7, "UTC", date(2026, 3, 1), length_days_from={"2026-S99": 14}).sprints


def test_looking_back_and_ranges_follow_the_calendar():
    assert FLIGHTS.previous("2013-S02", 6) == ["2013-S01"]
    assert FLIGHTS.previous("2014-S01", 2) == ["2013-S25", "2013-S26"]
    assert FLIGHTS.span("2013-S25", "2014-S02") == ["2013-S25", "2013-S26", "2014-S01", "2014-S02"]
    assert FLIGHTS.remaining(datetime(2013, 12, 20, tzinfo=UTC)) == 13


@pytest.mark.parametrize(
    ("calendar", "told"),
    [
        (Calendar(date(2013, 1, 1), 14, "UTC", date(2013, 1, 10)), "move planned_until"),
        (Calendar(date(2013, 1, 1), 0, "UTC", date(2013, 3, 10)), "at least one day"),
        (Calendar(date(2013, 1, 1), 14, "UTC", date(2013, 3, 10), lengths={"2013-S19": 7}), "2013-S19"),
    ],
)
def test_a_calendar_that_makes_no_sense_says_what_to_mend(calendar, told):
    with pytest.raises(CalendarError, match=told):
        _ = calendar.sprints


def test_an_unplanned_key_is_told_with_the_planned_ones():
    with pytest.raises(CalendarError, match="from 2013-S01 to 2014-S13"):
        FLIGHTS.window("2012-S01")
