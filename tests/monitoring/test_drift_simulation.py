"""A short simulated year; `tools/simulate_drift.py` is the long one. Also what a retraining does to unchanged drift."""

import pandas as pd
import pytest

from sprintline.monitoring import drift, drift_statistics
from sprintline.monitoring.drift_simulation import (
    CATEGORIES,
    EXEMPT,
    NUMBERS,
    World,
    caught,
    faults,
    misses,
    year,
)


@pytest.fixture(scope="module")
def world() -> World:
    return World(7)


def test_a_quiet_year_has_at_most_two_false_alarms(world):
    found = year(world)
    assert found["windows"] == 26 and found["alarms"] <= 2, found


@pytest.mark.parametrize("place", range(5))
def test_every_planted_fault_is_confirmed_within_two_windows(world, place):
    for onset in (30, 41):
        fault = faults(onset)[place]
        assert fault.name not in EXEMPT and caught(world, fault, onset) == 2, fault.name


def test_the_same_seed_gives_the_same_world(world):
    again = World(7)
    assert again.null.as_dict() == world.null.as_dict()
    pd.testing.assert_frame_equal(again.window(30)[0], world.window(30)[0])


def test_unchanged_drift_is_ordinary_once_it_was_learned(world):
    """After a promotion the training data hold a sprint of the drift, so the same drift is no news."""
    fault = faults(1)[0]
    frames = [(f"{at:04d}", world.window(at, fault if at > 28 else None)[0]) for at in range(18, 30)]
    reference = pd.concat([frame.assign(sprint=key) for key, frame in frames])
    learned = World.__new__(World)
    learned.__dict__ |= world.__dict__ | {"reference": reference}
    learned.null = drift_statistics.learn(reference, frames, NUMBERS, CATEGORIES, world.setting.rows, 7)
    assert world.judge(31, fault, [])[0].drifting is True
    assert learned.judge(31, fault, [])[0].drifting is False


def test_a_simulation_that_falls_short_says_so():
    result = {
        "most_false_alarms_in_a_year": 3,
        "faults": {"shift": {"rate": 0.94, "caught": 94, "planted": 100}, EXEMPT[0]: {"rate": 0.0}},
    }
    assert misses(result) == [
        "a year had 3 false alarms, at most 2 are allowed",
        "shift: 94 of 100 caught within two windows",
    ]
    result = {"most_false_alarms_in_a_year": 2, "faults": {"shift": {"rate": 0.95}}}
    assert misses(result) == []


def test_the_simulation_judges_by_the_real_verdict(world):
    frame, label, chance = world.window(30)
    report = world.report(frame)
    window = drift.judge_window(
        drift.statistics_of(report, world.null, world.spec), len(frame), len(world.null.sprints), world.spec
    )
    found, answers = world.judge(30, None, [])
    assert found.drifted == window.drifted and (answers[0] == label).all() and (answers[1] == chance).all()
