"""What teaches what is usual: not an open finding, and after an accepted change only what came since."""

from __future__ import annotations

import pandas as pd

from sprintline.profiles.history import without_faults


def rows(found_in: set[str]) -> pd.DataFrame:
    sprints = [f"2026-S{n:02d}" for n in range(1, 7)]
    one = {"source": "readings", "measure": "level", "column": "value", "by": "station", "slot": ""}
    return pd.DataFrame(
        [
            {**one, "group": group, "sprint": sprint, "found": sprint in found_in and group == "east"}
            for sprint in sprints
            for group in ("east", "west")
        ]
    )


def kept(found_in: set[str], accepted: set[str]) -> dict[str, list[str]]:
    frame, _ = without_faults(rows(found_in), accepted)
    return {group: one.sprint.tolist() for group, one in frame.groupby("group")}


def test_without_findings_all_sprints_teach():
    assert [len(one) for one in kept(set(), set()).values()] == [6, 6]


def test_an_open_finding_teaches_nothing_and_its_sprint_the_rest():
    teaches = kept({"2026-S04"}, set())
    assert "2026-S04" not in teaches["east"]
    assert len(teaches["east"]) == 5
    assert len(teaches["west"]) == 6


def test_an_accepted_change_starts_the_history_of_its_statistic_again():
    frame, learning = without_faults(rows({"2026-S04", "2026-S05"}), {"2026-S04"})
    assert frame[frame.group == "east"].sprint.tolist() == ["2026-S04", "2026-S06"]
    assert frame[frame.group == "west"].sprint.nunique() == 6
    assert learning == 1
    assert "since" not in frame
