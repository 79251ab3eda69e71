"""Drift counts when it is sure, large and lasting; each of the three alone is not enough."""

import pytest

from sprintline.monitoring.drift import (
    Drift,
    Statistic,
    Window,
    drifting_of,
    episode,
    far_columns,
    judge_window,
    significant,
    statistics_of,
    unlikely,
    verdict,
)
from sprintline.monitoring.drift_statistics import JS_SCALE, Null, Spread, cohens_h
from sprintline.product.spec import DriftSpec

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


ORDINARY = Spread(limit=0.2, scale=0.08)


def _statistic(
    distance: float, p_value: float, kind: str = "values", name: str = "f0", spread=ORDINARY
) -> Statistic:
    return Statistic(kind, name, distance, p_value, spread)


def _window(
    *features: tuple[float, float], rows: int = 1500, sprints: int = 12, concept: str | None = None
) -> Window:
    return judge_window(
        [_statistic(*one, name=f"f{i}") for i, one in enumerate(features)], rows, sprints, SPEC, concept
    )


def test_a_window_drifts_when_enough_features_are_surely_far():
    found = _window((0.25, 1e-9), (0.02, 0.6))
    assert (
        found.drifting is True and found.share == 0.5 and found.drifted == ("f0",) and found.ways == ("many",)
    )
    assert "50% of 2 features moved beyond what 12 sprints" in found.why
    assert "farthest f0 at 0.25 with 0.20 ordinary" in found.why


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        ((0.25, 0.2), "far but not sure"),
        ((0.09, 1e-9), "sure but below the floor"),
        ((0.19, 1e-9), "sure and above the floor, but the training data's own sprints are as far"),
    ],
)
def test_sure_or_large_alone_is_no_drift(feature, told):
    assert _window(feature, (0.01, 0.9)).drifting is False, told


def test_what_is_far_for_one_feature_is_ordinary_for_a_seasonal_one():
    seasonal = Spread(limit=1.3, scale=0.6)
    found = judge_window([_statistic(1.2, 1e-9, spread=seasonal)], 1500, 12, SPEC)
    assert found.drifting is False and "at 1.20 with 1.30 ordinary" in found.why


def test_too_few_features_are_no_drift_unless_one_is_far_by_itself():
    rest = [(0.02, 0.6)] * 2
    assert _window((0.25, 1e-9), *rest).drifting is False
    # 0.6 is seven times the ordinary 0.08: Student's t with 12 degrees leaves a chance of 1e-5, three tests are made.
    alone = _window((0.6, 1e-9), *rest)
    assert alone.drifting is True and alone.ways == ("alone",) and "drifted on their own: f0" in alone.why
    # From three sprints only, the same distance is not that far.
    assert _window((0.6, 1e-9), *rest, sprints=3).drifting is False


def test_missing_values_and_correlations_count_by_themselves():
    calm = [_statistic(0.01, 0.9, name=f"f{i}") for i in range(4)]
    for kind, word in (("missing", "missing f0"), ("correlations", "correlation a × b")):
        far = _statistic(0.9, 1e-9, kind, word.split(" ", 1)[1])
        found = judge_window([*calm, far], 1500, 12, SPEC)
        assert found.drifting is True and found.drifted == (word,) and found.ways == ("alone",)


def test_a_sentence_begins_with_what_makes_it_drift():
    """Confirmed drift of one correlation read `0% of 48 features moved`."""
    calm = [_statistic(0.01, 0.9, name=f"f{i}") for i in range(4)]
    pair = _statistic(0.9, 1e-9, "correlations", "f0 × f1")
    alone = judge_window([*calm, pair], 1500, 12, SPEC)
    assert alone.why.startswith(
        "drifted on their own: correlation f0 × f1; none of 4 features moved beyond what"
    )
    errors = judge_window(calm, 1500, 12, SPEC, "errors grew")
    assert errors.why.startswith("errors grew; none of 4 features moved beyond")
    many = _window((0.25, 1e-9), (0.02, 0.6))
    assert many.why.startswith("50% of 2 features moved beyond what 12 sprints")


def test_what_moved_too_little_is_no_drift_and_is_not_called_so():
    """Correlations beyond what is ordinary, none far enough by itself, were listed as drifted under `none`."""
    calm = [_statistic(0.01, 0.9, name=f"f{i}") for i in range(4)]
    pairs = [_statistic(0.23, 1e-9, "correlations", f"f{i} × f{i + 1}") for i in range(3)]
    found = judge_window([*calm, *pairs], 1500, 12, SPEC)
    assert (found.drifting, found.drifted, found.ways) == (False, (), ())
    assert [name for name, _ in found.moved] == [f"correlation f{i} × f{i + 1}" for i in range(3)]
    assert all(times == pytest.approx(1.15) for _, times in found.moved)
    assert "3 correlations moved, not far enough to count" in found.why
    state, why = verdict(found, [True, True], SPEC)
    assert state is Drift.CONFIRMED and why.startswith("this sprint by itself did not drift: none of 4")
    one = judge_window([*calm, _statistic(0.25, 1e-9, name="f4")], 1500, 12, SPEC)
    assert "1 of 5 features moved beyond" in one.why and "50% together count as drift" in one.why


def test_where_many_features_drift_correlations_count_only_by_themselves():
    features = [_statistic(0.25, 1e-9, name=f"f{i}") for i in range(4)]
    near, far = (
        _statistic(at, 1e-9, "correlations", name) for at, name in ((0.23, "f0 × f1"), (0.9, "f2 × f3"))
    )
    found = judge_window([*features, near, far], 1500, 12, SPEC)
    assert found.ways == ("many", "alone")
    assert set(found.drifted) == {"f0", "f1", "f2", "f3", "correlation f2 × f3"}
    assert "1 correlation moved, not far enough" in found.why


def test_grown_errors_are_drift_whatever_the_features_say():
    assert _window((0.01, 0.9), concept="errors grew").ways == ("concept",)
    few = _window((0.01, 0.9), rows=10, concept="errors grew")
    assert few.drifting is True and few.why.startswith("errors grew; 10 rows are too few")


def test_the_chance_of_a_distance_is_that_of_students_t():
    # Published two-sided 1 % point of t with 12 degrees of freedom: 3.055.
    at = 3.055 * ORDINARY.scale * (1 + 1 / 12) ** 0.5
    assert unlikely([_statistic(at, 1.0)], 12) == [pytest.approx(0.01, rel=1e-3)]


def test_too_little_to_compare_is_neither_drift_nor_none():
    few = _window((0.4, 1e-9), rows=999)
    assert few.drifting is None and "999 rows are too few" in few.why
    young = _window((0.4, 1e-9), sprints=2)
    assert young.drifting is None and "learned from 2 sprints" in young.why
    assert judge_window([], 5000, 12, SPEC).drifting is None


@pytest.mark.parametrize(
    ("now", "before", "state"),
    [
        (QUIET, [], Drift.NONE),
        (QUIET, [True, True], Drift.CONFIRMED),  # one clean sprint does not close
        (QUIET, [True, False], Drift.NONE),  # two do
        (QUIET, [False, True], Drift.NONE),
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


def test_the_windows_that_drifted_are_counted():
    assert (
        drifting_of(DRIFTED, [True, False], SPEC) == 2 and drifting_of(QUIET, [True, True, False], SPEC) == 1
    )
    assert drifting_of(UNKNOWN, [True, None], SPEC) == 1


def test_with_a_window_of_one_the_first_drift_confirms():
    assert verdict(DRIFTED, [], SPEC.model_copy(update={"window": 1, "confirm": 1}))[0] is Drift.CONFIRMED


def _facts(state: str, reference: str = "m1", *drifted: str) -> dict:
    return {
        "state": state,
        "reference": reference,
        "drifted": list(drifted),
        "ways": ["alone"] if drifted else [],
    }


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ([], ("S9", "m2")),
        ([("S8", _facts("none", "m2"))], ("S9", "m2")),
        ([("S7", _facts("confirmed", "m2")), ("S8", _facts("confirmed", "m2"))], ("S7", "m2")),
        # No one saw it end, so it did not.
        ([("S7", _facts("confirmed", "m2")), ("S8", _facts("insufficient", "m2"))], ("S7", "m2")),
        ([("S7", _facts("confirmed", "m2")), ("S8", _facts("none", "m2"))], ("S9", "m2")),
        # A new champion, and the same feature still drifts: one episode. Another feature: another.
        ([("S7", _facts("confirmed", "m1", "rain")), ("S8", _facts("suspected", "m2", "rain"))], ("S7", "m1")),
        ([("S7", _facts("confirmed", "m1", "wind")), ("S8", _facts("suspected", "m2", "rain"))], ("S9", "m2")),
        ([("S7", _facts("confirmed", "m1", "rain")), ("S8", _facts("none", "m2"))], ("S9", "m2")),
    ],
)  # fmt: skip
def test_an_episode_begins_where_it_was_first_confirmed(before, first):
    assert episode(("S9", _facts("confirmed", "m2", "rain", "sun")), before) == first


def test_without_confirmed_drift_there_is_no_episode():
    assert episode(("S9", _facts("suspected")), [("S8", _facts("confirmed"))]) is None


def _metric(column: str, method: str, value: float) -> dict:
    return {"config": {"column": column, "method": method}, "value": value}


NULL = Null(
    sprints=("S1", "S2", "S3"), rows=1000,
    values={"temp": ORDINARY, "carrier": ORDINARY}, missing={"temp": ORDINARY, "carrier": ORDINARY},
    correlations={"temp × wind": ORDINARY}, shares={"temp": 0.1, "carrier": 0.0}, ranks={"temp × wind": 0.0},
)  # fmt: skip


def _report(*metrics: dict) -> dict:
    return {
        "compared_rows": 1000,
        "compared_reference_rows": 1000,
        "correlations": {"pairs": ["temp × wind", "temp × fog"], "values": [0.5, None]},
        "metrics": list(metrics),
    }


def test_a_report_gives_every_statistic_its_distance_test_and_null():
    report = _report(
        _metric("temp", "wasserstein", 0.5), _metric("temp", "ks", 0.001),
        _metric("carrier", "jensenshannon", 0.02), _metric("temp", "missing", 0.3),
    )  # fmt: skip
    found = {(one.kind, one.name): one for one in statistics_of(report, NULL, SPEC)}
    assert set(found) == {
        ("values", "temp"),
        ("values", "carrier"),
        ("missing", "temp"),
        ("correlations", "temp × wind"),
    }
    assert found["values", "temp"] == Statistic("values", "temp", 0.5, 0.001, ORDINARY)
    # Not far, so not tested, and an untested one never alarms.
    assert found["values", "carrier"] == Statistic("values", "carrier", 0.02 * JS_SCALE, 1.0, ORDINARY)
    assert found["missing", "temp"].distance == cohens_h(0.3, 0.1) and found["missing", "temp"].p_value < 1e-6
    assert found["correlations", "temp × wind"].distance == pytest.approx(
        0.5493, abs=1e-4
    )  # atanh of one half
    assert far_columns(report, NULL, SPEC) == ["temp"]


@pytest.mark.fault
def test_a_far_feature_without_its_test_is_refused_by_name():
    with pytest.raises(KeyError, match="only half of what is needed for temp"):
        statistics_of(_report(_metric("temp", "wasserstein", 0.5)), NULL, SPEC)
