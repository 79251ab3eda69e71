"""Limits from history: planted kinds are found, the clean history and growth are not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from tests.profiles import history

from sprintline.profiles.limits import deviations, findings, prior_of
from sprintline.profiles.statistics import RELATION, SHARE, joined, shares, statistics

NOW = 10


@cache
def past() -> pd.DataFrame:
    return history.before(NOW)


def found_in(frame: pd.DataFrame, before: pd.DataFrame | None = None) -> pd.DataFrame:
    return findings(deviations(history.profile(frame, NOW), past() if before is None else before))


def stuck(frame: pd.DataFrame, share: float = 0.3) -> pd.DataFrame:
    north = frame.index[frame.station == "north"]
    frame.loc[north[int(len(north) * (1 - share)) :], "value"] = 4.2
    return frame


def other_unit(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[frame.station == "east", "value"] *= 60
    return frame


def no_fourth_day(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.event_at.dt.strftime("%Y-%m-%d") != history.days_of(NOW)[3]]


def renamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(station=frame.station.replace("south", "sud"))


def merged(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(station=frame.station.replace("south", "north"))


def zero(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[frame.station == "south", "value"] = 0.0
    return frame


def empty(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[(frame.station == "south") & (frame.index % 5 < 2), "value"] = np.nan
    return frame


def fewer(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.index % 10 >= 4]


@pytest.mark.parametrize(
    ("plant", "measures", "group"),
    [
        (stuck, {"run", "same"}, "north"),
        (other_unit, {"level", "spread"}, "east"),
        (no_fourth_day, {"rows"}, ""),
        (renamed, {"share"}, "south"),
        (merged, {"share"}, "south"),
        (zero, {"same", "run", "spread", "level"}, "south"),
        (empty, {"nulls"}, "south"),
        (fewer, {"rows", "total"}, ""),
    ],
)
def test_each_planted_kind_is_found_with_its_group(
    plant: Callable[[pd.DataFrame], pd.DataFrame], measures: set[str], group: str
):
    found = found_in(plant(history.rows(NOW)))
    assert measures & set(found.measure), found
    assert group in set(found.group)


@pytest.mark.parametrize("seed", range(8))
def test_a_clean_sprint_has_no_finding(seed: int):
    before = history.before(NOW, seed)
    assert found_in(history.rows(NOW, seed), before).empty


def test_with_too_few_sprints_nothing_is_compared():
    assert deviations(history.profile(history.rows(3), 3), history.before(3)).empty


def test_growth_is_usual_where_it_was_usual():
    def grown(sprint: int) -> pd.DataFrame:
        copies = [history.rows(sprint).assign(reading_id=f"{n}") for n in range(2 + sprint // 2)]
        return pd.concat(copies, ignore_index=True)

    before = pd.concat([history.profile(grown(at), at).assign(at=at) for at in range(NOW)], ignore_index=True)
    found = findings(deviations(history.profile(grown(NOW), NOW), before))
    assert not {"rows", "total"} & set(found.measure)


def test_what_is_as_it_was_a_year_ago_is_no_finding():
    frame = other_unit(history.rows(NOW))
    profile = history.profile(frame, NOW)
    a_year_ago = history.profile(other_unit(history.rows(0, seed=3)), NOW).assign(at=0)
    assert not findings(deviations(profile, past())).empty
    assert (
        findings(deviations(profile, past(), a_year_ago))
        .query("measure == 'level' and group == 'east'")
        .empty
    )


def test_a_group_that_appears_is_compared_with_the_sprints_without_it():
    found = found_in(renamed(history.rows(NOW)))
    new = found[found.group == "sud"].iloc[0]
    assert (new.expected, new.sprints) == (0, NOW)


def test_a_more_even_column_is_no_finding_but_a_more_repetitive_one_is():
    """Fewer equal values are nothing to worry about."""
    before = pd.concat(
        [history.profile(stuck(history.rows(at), 0.3), at).assign(at=at) for at in range(NOW)],
        ignore_index=True,
    )
    found = findings(deviations(history.profile(history.rows(NOW), NOW), before))
    assert not {"same", "run"} & set(found.measure)


def test_the_false_rate_is_shared_by_sources():
    compared = pd.DataFrame({"p": [0.004, 0.5], "large": True})
    assert len(findings(compared)) == 1
    assert findings(compared, sources=4).empty


def test_a_family_of_equal_variances_is_worth_many_observations():
    dice = np.random.default_rng(1)
    freedom = np.full(200, 8.0)
    equal = 2.0 * dice.chisquare(8, 200) / 8
    prior, weight = prior_of(equal, freedom)
    assert prior == pytest.approx(2.0, rel=0.15)
    assert weight > 20
    spread = equal * np.exp(dice.normal(0, 1.5, 200))
    assert prior_of(spread, freedom)[1] < 5


def with_relation(shares_before: list[float], now: float) -> pd.DataFrame:
    def told(share: float, at: int) -> pd.DataFrame:
        rows = joined([shares(RELATION, [round(share * 1000)], 1000, column="readings: a <= b")])
        return pd.concat([history.profile(history.rows(at), at), rows], ignore_index=True)

    before = pd.concat(
        [told(one, at).assign(at=at) for at, one in enumerate(shares_before)], ignore_index=True
    )
    return findings(deviations(told(now, len(shares_before)), before))


def test_a_relation_that_always_held_and_breaks_is_a_finding():
    assert "relation" in set(with_relation([0, 0, 0.001, 0, 0, 0], 0.05).measure)


def test_a_relation_that_broke_before_says_nothing():
    assert "relation" not in set(with_relation([0, 0.06, 0.001, 0, 0, 0], 0.05).measure)


def one_a_day(sprint: int, days: int = history.DAYS) -> pd.DataFrame:
    """A row per station and day of a sprint that begins where the invented one does."""
    frame = pd.concat([history.rows(at) for at in range(sprint, sprint + days // history.DAYS)])
    return frame.groupby(["station", frame.event_at.dt.date]).head(1).reset_index(drop=True)


def test_groups_of_a_longer_sprint_are_none_that_were_missing_before():
    """Of 21 rows a column of three values is not measured, of 42 it is: nothing is known of its shares before."""
    past = pd.concat(
        [history.profile(one_a_day(at), at).assign(at=at) for at in range(NOW)], ignore_index=True
    )
    days = history.days_of(NOW) + history.days_of(NOW + 1)
    now = statistics(one_a_day(NOW, 14), days, "UTC", ["reading_id"])
    assert (now.measure == SHARE).sum() == 3 and not (past.measure == SHARE).any()
    assert findings(deviations(now, past)).empty


def test_a_second_value_of_a_column_that_had_one_is_found():
    past = [history.rows(at).assign(station="north") for at in range(NOW)]
    before = pd.concat(
        [history.profile(one, at).assign(at=at) for at, one in enumerate(past)], ignore_index=True
    )
    now = history.rows(NOW)
    now["station"] = np.where(now.index % 3 == 0, "south", "north")
    found = found_in(now, before)
    assert "south" in set(found[found.measure == SHARE].group)
