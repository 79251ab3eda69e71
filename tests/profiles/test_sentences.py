"""Findings in words name source, column, group and day."""

from __future__ import annotations

import pandas as pd
from tests.profiles import history
from tests.profiles.test_limits import NOW, merged, no_fourth_day, other_unit, past, stuck

from sprintline.profiles.limits import deviations, findings
from sprintline.profiles.sentences import told


def sentences(frame: pd.DataFrame) -> list[str]:
    compared = deviations(history.profile(frame, NOW), past()).assign(source="readings")
    found = told(findings(compared), compared, {"readings": frame}, "UTC", history.days_of(NOW))
    return [one["sentence"] for one in found]


def test_a_missing_day():
    assert (
        sentences(no_fourth_day(history.rows(NOW)))[0]
        == "readings: 0 rows on 2026-03-19, usually 144 on a Thursday"
    )


def test_a_stuck_station_and_since_when():
    said = " ".join(sentences(stuck(history.rows(NOW))))
    assert "readings: value of station north is one value in" in said
    assert "from 2026-03-21 on" in said


def test_a_merged_group_names_the_one_that_has_its_rows():
    said = " ".join(sentences(merged(history.rows(NOW))))
    assert "station south has no rows, usually 33.33% of all (336)" in said
    assert "station north grew by 33.33%, so it may be the same under another name" in said


def test_findings_of_one_place_are_one():
    found = sentences(other_unit(history.rows(NOW)))
    assert len([one for one in found if "station east" in one]) == 1


def test_a_fault_of_one_day_names_it():
    frame = history.rows(NOW)
    first = frame.event_at.dt.strftime("%Y-%m-%d") == history.days_of(NOW)[2]
    frame.loc[first & (frame.station == "east"), "value"] = None
    assert any("is empty in 14.3% of 336 rows on 2026-03-18, usually 0.0%" in one for one in sentences(frame))


def test_a_moment_that_is_late_is_told_in_minutes_and_days():
    def ended(sprint: int, late: float = 0) -> pd.DataFrame:
        frame = history.rows(sprint)
        minutes = pd.Series(range(len(frame))) % 30 + 60.0
        minutes[frame.event_at.dt.strftime("%Y-%m-%d") >= history.days_of(sprint)[4]] += late
        return frame.assign(ended_at=frame.event_at + pd.to_timedelta(minutes, unit="min"))

    before = pd.concat([history.profile(ended(at), at).assign(at=at) for at in range(NOW)], ignore_index=True)
    frame = ended(NOW, 600)
    compared = deviations(history.profile(frame, NOW), before).assign(source="readings")
    found = told(findings(compared), compared, {"readings": frame}, "UTC", history.days_of(NOW))
    said = " ".join(one["sentence"] for one in found)
    assert "readings: ended_at - event_at (minutes) has a" in said
    assert "from 2026-03-20 on" in said
