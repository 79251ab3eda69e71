"""Drift counts when it is sure, large and lasting; each of the three alone is not enough."""

import pytest

from sprintline.core.declarations import DriftSpec
from sprintline.core.drift import (
    Drift,
    FeatureStatistic,
    Window,
    judge_window,
    significant,
    statistics_of,
    verdict,
)

SPEC = DriftSpec(significance=0.01, distance=0.1, share=0.5, window=3, confirm=2, min_rows=1000)

DRIFTED, QUIET = Window(True, 0.5, ("a",), "1 of 2 features"), Window(False, 0.0, (), "0 of 2 features")
UNKNOWN = Window(None, None, (), "12 rows are too few")

# The example of Benjamini and Hochberg (1995): fifteen tests of one clinical trial; at 0.05 the four smallest stay.
PUBLISHED = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


def test_benjamini_hochberg_keeps_the_published_four():
    assert significant(PUBLISHED, 0.05) == [True] * 4 + [False] * 11


def test_benjamini_hochberg_answers_in_the_order_asked():
    assert significant(PUBLISHED[::-1], 0.05) == [False] * 11 + [True] * 4


def test_benjamini_hochberg_steps_up_by_hand():
    # Lines at 0.05 for four tests: 0.0125, 0.025, 0.0375, 0.05. 0.03 misses its own line, the second, but 0.035 meets
    # the third, and every test before the last that meets its line counts. 0.051 misses the fourth.
    assert significant([0.035, 0.051, 0.03, 0.001], 0.05) == [True, False, True, True]
    assert significant([0.013, 0.026, 0.038, 0.051], 0.05) == [False] * 4


def test_no_tests_and_no_significance():
    assert significant([], 0.05) == []
    assert significant([float("nan"), 0.5], 0.05) == [False, False]


def _window(*features: tuple[float, float], rows: int = 1500) -> Window:
    return judge_window([FeatureStatistic(f"f{i}", *one) for i, one in enumerate(features)], rows, SPEC)


def test_a_window_drifts_when_enough_features_are_surely_far():
    found = _window((0.4, 1e-9), (0.02, 0.6))
    assert found.drifting is True and found.share == 0.5 and found.drifted == ("f0",)
    assert "1 of 2 features (50%; 50% count as drift)" in found.why and "furthest f0 at 0.40" in found.why


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        ((0.05, 1e-9), "sure and small"),
        ((0.4, 0.2), "large and by chance"),
        ((0.1, 1e-9), "on the line, not over it"),
    ],
)
def test_sure_or_large_alone_is_no_drift(feature, told):
    assert _window(feature, (0.01, 0.9)).drifting is False, told


def test_too_few_features_are_no_drift():
    assert _window((0.4, 1e-9), (0.02, 0.6), (0.02, 0.6)).drifting is False


def test_too_little_to_compare_is_neither_drift_nor_none():
    few = _window((0.4, 1e-9), rows=999)
    assert few.drifting is None and "999 rows are too few" in few.why
    assert judge_window([], 5000, SPEC).drifting is None


@pytest.mark.parametrize(
    ("now", "before", "state"),
    [
        (QUIET, [], Drift.NONE),
        (QUIET, [True, True], Drift.NONE),  # what is over is not confirmed any more
        (DRIFTED, [], Drift.SUSPECTED),
        (DRIFTED, [False, False], Drift.SUSPECTED),
        (DRIFTED, [True, False, False], Drift.SUSPECTED),  # the first lies outside the window of three
        (DRIFTED, [None, None], Drift.SUSPECTED),  # what could not be compared does not count as drift
        (DRIFTED, [True], Drift.CONFIRMED),
        (DRIFTED, [True, False], Drift.CONFIRMED),
        (DRIFTED, [True, None], Drift.CONFIRMED),
        (UNKNOWN, [True, True], Drift.INSUFFICIENT),
    ],
)
def test_drift_is_confirmed_when_it_lasts(now, before, state):
    found, why = verdict(now, before, SPEC)
    assert found is state
    assert now.why in why


def test_the_verdict_counts_its_windows_aloud():
    assert verdict(DRIFTED, [False, True], SPEC)[1].endswith(
        "2 of the last 3 sprints drifted, 2 of 3 confirm"
    )


def test_with_a_window_of_one_the_first_drift_confirms():
    assert verdict(DRIFTED, [], SPEC.model_copy(update={"window": 1, "confirm": 1}))[0] is Drift.CONFIRMED


def _metric(column: str, method: str, value: float) -> dict:
    return {"config": {"column": column, "method": method}, "value": value}


def test_a_report_gives_distance_and_test_of_each_feature():
    metrics = [
        _metric("temp", "wasserstein", 0.5), _metric("temp", "ks", 0.001),
        _metric("carrier", "chisquare", 0.7), _metric("carrier", "jensenshannon", 0.02),
    ]  # fmt: skip
    assert statistics_of({"metrics": metrics}) == [
        FeatureStatistic("carrier", 0.02, 0.7),
        FeatureStatistic("temp", 0.5, 0.001),
    ]


@pytest.mark.fault
@pytest.mark.parametrize("method", ["wasserstein", "ks"])
def test_half_a_report_is_refused_and_names_the_feature(method):
    whole = [_metric("carrier", "chisquare", 0.7), _metric("carrier", "jensenshannon", 0.02)]
    with pytest.raises(KeyError, match="only half of what is needed for temp"):
        statistics_of({"metrics": [*whole, _metric("temp", method, 0.1)]})
