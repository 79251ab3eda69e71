"""A short simulation of the promotion gate's interval, and the published one of `tools/simulate_interval.py`."""

from __future__ import annotations

import json
from math import sqrt

import numpy as np
import pytest

from sprintline.base.settings import ROOT
from sprintline.learning import interval_simulation as simulation
from sprintline.learning import metrics
from sprintline.learning.reference import FILE, page
from sprintline.learning.tasks.binary import TASK

PUBLISHED = json.loads((ROOT / "docs" / "reference" / FILE).read_text(encoding="utf-8"))


def cell(days: int, spell: float, metric: str) -> dict:
    (found,) = [
        one
        for one in PUBLISHED["cells"]
        if (one["days"], one["spell"], one["metric"]) == (days, spell, metric)
    ]
    return found


def test_the_published_figures_are_of_the_interval_as_it_is_now():
    assert simulation.probes() == PUBLISHED["probes"], (
        "the interval is computed in another way: tools/simulate_interval.py --sprints 1000 --write"
    )
    assert PUBLISHED["sprints"] >= 300 and simulation.misses(PUBLISHED) == []
    lengths = {(one["days"], one["spell"], one["metric"]) for one in PUBLISHED["cells"]}
    assert lengths == {
        (days, spell, metric)
        for days in simulation.DAYS
        for spell in simulation.SPELLS
        for metric in TASK.reported
    }


@pytest.mark.parametrize(("days", "spell"), [(5, 0.0), (14, 0.0), (14, 0.5)])
def test_a_short_simulation_agrees_with_the_published_one(days, spell):
    sprints, published = 150, cell(days, spell, "brier")
    found = simulation.measured(simulation.World(days, spell=spell), "brier", sprints, seed=77, draws=200)
    wrong, expected = found["sure_gains"] + found["sure_losses"], published["type_i"]
    assert abs(wrong - expected) <= 4 * sqrt(expected * (1 - expected) / sprints), (wrong, expected)
    gain = simulation.World(days, spell=spell, gain=simulation.GAIN)
    seen = simulation.measured(gain, "brier", sprints, seed=78, draws=200)["sure_gains"]
    assert abs(seen - published["power"]) <= 4 * sqrt(published["power"] * (1 - published["power"]) / sprints)


@pytest.mark.parametrize("metric", TASK.reported)
def test_more_days_see_more_and_days_in_spells_are_less_sure(metric):
    power = [cell(days, 0.0, metric)["power"] for days in simulation.DAYS]
    assert power == sorted(power) and power[-1] > 2 * power[0]
    for days in simulation.DAYS:
        alone, spells = cell(days, 0.0, metric), cell(days, 0.8, metric)
        assert spells["type_i"] > alone["type_i"] and spells["together"] > alone["together"]


@pytest.mark.fault
def test_an_interval_that_is_too_narrow_is_beyond_the_limit(monkeypatch):
    """The one of before: without Student's t, and as if days were independent."""
    monkeypatch.setattr(metrics, "_widening", lambda count, *_: sqrt(count / (count - 1)))
    found = simulation.measured(simulation.World(5), "brier", 1000, seed=1, draws=150)
    cells = [{"days": 5, "spell": 0.0, "metric": "brier", "false_gains": found["sure_gains"]}]
    (missed,) = simulation.misses({"sprints": 1000, "cells": cells})
    assert missed.startswith("brier, 5 days, independent: ") and "at most 3.5% are allowed" in missed


def test_the_longest_spells_are_reported_without_a_limit():
    cells = [{"days": 5, "spell": 0.8, "metric": "brier", "false_gains": 0.2}]
    assert simulation.misses({"sprints": 1000, "cells": cells}) == []


def test_days_in_spells_follow_each_other():
    assert abs(simulation.daily_autocorrelation(0.0, days=4_000)) < 0.05
    assert simulation.daily_autocorrelation(0.8, days=4_000) > 0.3


def test_the_page_has_a_row_for_every_cell():
    text = page(PUBLISHED)
    assert all(f"## {name}" in text for name in ("ROC-AUC", "Average precision", "Brier score"))
    assert text.count("% of 0.") == len(PUBLISHED["cells"])


@pytest.mark.parametrize(
    ("count", "confidence", "together", "factor"),
    # Student's t over the normal quantile, from tables: 2.776 / 1.960 with 4 degrees of freedom, 2.160 / 1.960 with 13.
    [
        (5, 0.95, 0.0, sqrt(5 / 4) * 2.776 / 1.960),
        (14, 0.95, 0.0, sqrt(14 / 13) * 2.160 / 1.960),
        (14, 0.95, 0.5, sqrt(14 / 13) * 2.160 / 1.960 * sqrt(3)),
        (100_000, 0.95, 0.0, 1.0),
    ],
)
def test_an_interval_is_widened_by_what_few_days_and_spells_take(count, confidence, together, factor):
    assert metrics._widening(count, confidence, together) == pytest.approx(factor, rel=1e-3)


def test_the_autocorrelation_is_that_of_the_series_without_its_bias():
    random = np.random.default_rng(2)
    for true in (0.0, 0.3, 0.5):
        found = []
        for _ in range(600):
            series = random.normal(size=30)
            for at in range(1, 30):
                series[at] = true * series[at - 1] + sqrt(1 - true**2) * series[at]
            found.append(metrics.autocorrelation(series))
        # Cut off at zero, the mean of none is above none.
        assert np.mean(found) == pytest.approx(true, abs=0.12)
    assert metrics.autocorrelation(np.array([1.0, -1.0] * 7)) == 0, "nothing narrows an interval"
    assert metrics.autocorrelation(np.zeros(14)) == 0
    assert metrics.autocorrelation(np.arange(30.0)) == metrics.MOST_TOGETHER
    assert metrics.autocorrelation(np.array([1.0, np.nan, 2.0])) == metrics.MOST_TOGETHER


def test_days_are_compared_in_their_order_whatever_the_order_of_rows():
    label, new, old, day = simulation.sprint(
        simulation.World(14, spell=0.8, gain=0.3), np.random.default_rng(3)
    )
    names = np.array([f"2013-01-{one + 1:02d}" for one in day])
    shuffled = np.random.default_rng(0).permutation(len(day))
    one = metrics.paired_bootstrap(label, new, old, "brier", blocks=day, draws=100)
    two = metrics.paired_bootstrap(
        label[shuffled], new[shuffled], old[shuffled], "brier", blocks=names[shuffled], draws=100
    )
    assert one.together == pytest.approx(two.together) and 0 < one.together < metrics.MOST_TOGETHER
    apart = metrics.paired_bootstrap(label, new, old, "brier", draws=100)
    assert apart.together == 0 and apart.blocks == 0
