"""The population stability index of predictions."""

import numpy as np
import pytest

from sprintline.learning.tasks import task_named
from sprintline.monitoring.moved import predictions_told
from sprintline.monitoring.stability import psi


def test_the_same_distribution_is_near_zero_and_a_shift_is_far():
    draw = np.random.default_rng(1)
    before, same, moved = draw.normal(0, 1, 5000), draw.normal(0, 1, 5000), draw.normal(1, 1, 5000)
    assert psi(before, same) < 0.01 and psi(before, before) == 0
    # Of two normal distributions a standard deviation apart it is 1 (the divergence of Jeffreys); bins see most of it.
    assert psi(before, moved) == pytest.approx(0.9, abs=0.15)
    assert np.isfinite(psi(before, np.full(10, 99.0))) and psi(np.full(9, 0.5), np.full(9, 0.5)) == 0


def test_classes_are_counted_and_nothing_is_said_of_no_rows():
    before, after = np.repeat([0.0, 1.0], [80, 20]), np.repeat([0.0, 1.0], [50, 50])
    expected = 0.3 * np.log(0.5 / 0.2) - 0.3 * np.log(0.5 / 0.8)
    assert psi(before, after, classes=True) == pytest.approx(expected)
    assert psi(before, np.array([np.nan])) is None and psi(np.empty(0), after) is None


def test_several_predictions_a_row_are_compared_as_one():
    arrivals = task_named("multiclass", {"classes": ["a", "b", "c"]})
    found, classes = arrivals.binned(np.array([[0.1, 0.7, 0.2], [np.nan] * 3]))
    assert classes and found[0] == 1 and np.isnan(found[1])
    delays = task_named("quantile", {"quantiles": [0.1, 0.5, 0.9]})
    assert delays.binned(np.array([[1.0, 2.0, 9.0]]))[0].tolist() == [2.0]


@pytest.mark.parametrize(
    ("index", "word"), [(0.02, "hardly moved"), (0.15, "moved a little"), (0.4, "moved much")]
)
def test_it_is_told_in_words(index, word):
    assert f"predictions {word} against" in predictions_told({"predictions": {"psi": index, "rows": 1200}})
    assert predictions_told({}) == "" and predictions_told({"predictions": {"psi": None, "rows": 0}}) == ""
