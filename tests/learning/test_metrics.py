"""Metrics equal scikit-learn's; intervals cover what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from sprintline.learning import metrics as S
from sprintline.learning.metric_functions import PREPARE
from sprintline.learning.tasks.binary import TASK
from sprintline.release.rules import describe


def _flights(seed=0, rows=2_000, days=14, noise=0.5):
    random = np.random.default_rng(seed)
    truth = random.normal(size=rows)
    y = (random.random(rows) < 1 / (1 + np.exp(1 - truth))).astype(int)
    good = 1 / (1 + np.exp(1 - truth))
    poor = 1 / (1 + np.exp(1 - truth - noise * random.normal(size=rows)))
    return y, good, poor, random.integers(0, days, rows)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])),
        min_size=2,
        max_size=60,
    )
)
def test_metrics_equal_scikit_learn_also_with_ties(rows):
    y, p = np.array(rows).T
    found = TASK.measure(y, p)
    assert found["brier"] == pytest.approx(brier_score_loss(y, p))
    if len(set(y)) == 1:
        assert found["roc_auc"] is None and found["average_precision"] is None
    else:
        assert found["roc_auc"] == pytest.approx(roc_auc_score(y, p))
        assert found["average_precision"] == pytest.approx(average_precision_score(y, p))


@pytest.mark.parametrize("metric", TASK.reported)
@pytest.mark.parametrize("rounding", [None, 2])
def test_weighted_scores_equal_scikit_learn(metric, rounding):
    y, p, _, _ = _flights()
    p = p if rounding is None else np.round(p, rounding)
    weights = np.random.default_rng(1).integers(0, 4, size=(5, len(y))).astype(float)
    theirs = {
        "roc_auc": roc_auc_score,
        "average_precision": average_precision_score,
        "brier": brier_score_loss,
    }[metric]
    expected = [theirs(y, p, sample_weight=w) for w in weights]
    assert PREPARE[metric](y.astype(float), p)(weights) == pytest.approx(expected)


def test_no_rows_have_no_metrics():
    assert TASK.measure([], []) == {"roc_auc": None, "average_precision": None, "brier": None}


@pytest.mark.parametrize(
    ("y", "p"), [([0, 1], [0.2]), ([0, 2], [0.1, 0.2]), ([0, 1], [0.1, 1.2]), ([0, 1], [0.1, np.nan])]
)
def test_unusable_inputs_are_refused(y, p):
    with pytest.raises(ValueError):
        TASK.measure(y, p)


@pytest.mark.parametrize("metric", TASK.reported)
@pytest.mark.parametrize("by_day", [True, False])
def test_a_better_model_gains_for_every_metric(metric, by_day):
    y, good, poor, days = _flights()
    interval = S.paired_bootstrap(y, good, poor, metric, blocks=days if by_day else None, draws=200)
    assert interval.sure_gain and interval.low < interval.difference < interval.high
    assert S.paired_bootstrap(y, poor, good, metric, blocks=days if by_day else None, draws=200).sure_loss
    assert interval.blocks == (14 if by_day else 0)


def test_equal_models_tie_and_the_same_seed_gives_the_same_interval():
    y, good, poor, days = _flights()
    same = S.paired_bootstrap(y, good, good, blocks=days, draws=100)
    assert (same.difference, same.low, same.high) == (0, 0, 0) and not same.sure_gain
    one, two = (S.paired_bootstrap(y, good, poor, blocks=days, draws=100, seed=3) for _ in range(2))
    assert one == two


def test_days_that_share_their_luck_widen_the_interval():
    random = np.random.default_rng(0)
    days = np.repeat(np.arange(14), 150)
    luck = random.normal(size=14)[days]
    y = (random.random(len(days)) < 1 / (1 + np.exp(1 - luck))).astype(int)
    guess, blind = 1 / (1 + np.exp(1 - luck)), np.clip(random.random(len(days)), 0, 1)
    by_day = S.paired_bootstrap(y, guess, blind, blocks=days)
    by_row = S.paired_bootstrap(y, guess, blind)
    assert by_day.high - by_day.low > 1.5 * (by_row.high - by_row.low)


def test_an_interval_covers_no_difference_when_there_is_none():
    wrong = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        days = np.repeat(np.arange(14), 60)
        y = (random.random(len(days)) < 0.25).astype(int)
        shared = random.normal(size=len(days)) + y
        one, two = (1 / (1 + np.exp(-(shared + 0.5 * random.normal(size=len(days))))) for _ in range(2))
        interval = S.paired_bootstrap(y, one, two, blocks=days, draws=200)
        wrong += interval.sure_gain or interval.sure_loss
    assert wrong <= 9  # 5 % of 60 are 3; nine or more would come by chance less than once in 300


@pytest.mark.parametrize(
    ("blocks", "metric", "y"),
    [
        ([0, 0, 1, 1], "roc_auc", [0, 1, 0, 1]),
        (None, "accuracy", [0, 1, 0, 1]),
        (None, "roc_auc", [0, 0, 0, 0]),
        ([0, 1, 2], "roc_auc", [0, 1, 0, 1]),
    ],
)
def test_what_cannot_be_compared_is_refused(blocks, metric, y):
    with pytest.raises(ValueError):
        S.paired_bootstrap(y, [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], metric, blocks=blocks)


def test_slices_too_small_to_judge_are_left_out():
    y, good, poor, days = _flights(rows=3_000)
    carriers = np.where(np.arange(3_000) < 40, "OO", np.where(np.arange(3_000) % 3 == 0, "UA", "B6"))
    found = S.by_slice(y, good, poor, carriers, blocks=days, draws=150)
    assert (
        list(found) == ["B6", "UA"]
        and found["UA"]["confidence"] == pytest.approx(0.975)
        and found["UA"]["rows"] < found["B6"]["rows"]
        and found["UA"]["difference"] > 0
    )


def test_where_no_value_has_enough_rows_all_are_one_slice():
    """Forty merchants with few rows each would keep every candidate out for good."""
    y, good, poor, days = _flights(rows=3_000)
    merchants, carriers = np.arange(3_000) % 40, np.where(np.arange(3_000) % 3 == 0, "UA", "B6")
    more = {"blocks": days, "draws": 150, "least_rows": 300}
    alone = S.by_slices(y, good, poor, {"merchant": merchants}, **more)
    assert list(alone) == [S.TOGETHER]
    whole = S.paired_bootstrap(y, good, poor, blocks=days, draws=150)
    assert alone[S.TOGETHER]["rows"] == 3_000 and alone[S.TOGETHER]["difference"] == whole.difference
    both = S.by_slices(y, good, poor, {"merchant": merchants, "carrier": carriers}, **more)
    assert list(both) == ["carrier B6", "carrier UA"], "what can be compared by itself is"
    few = {**more, "blocks": days[:200]}
    assert list(S.by_slices(y[:200], good[:200], poor[:200], {}, **few)) == [S.TOGETHER], (
        "as a whole sprint is"
    )
    rare = np.where(np.cumsum(y[:200]) <= 9, y[:200], 0)
    assert rare.sum() == 9 and S.by_slices(rare, good[:200], poor[:200], {}, **few) == {}, (
        "ten of either are needed"
    )
    three_days = {**more, "blocks": days[:200] % 3}
    assert S.by_slices(y[:200], good[:200], poor[:200], {}, **three_days) == {}


def test_many_slices_of_equal_models_raise_no_alarm():
    alarms = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        y, shared = (random.random(6_400) < 0.3).astype(int), random.normal(size=6_400)
        one, two = (1 / (1 + np.exp(-(shared + y + 0.5 * random.normal(size=6_400)))) for _ in range(2))
        carriers, days = np.arange(6_400) % 16, random.integers(0, 14, 6_400)
        found = S.by_slice(y, one, two, carriers, blocks=days, draws=200)
        assert len(found) == 16
        alarms += any(slice_["high"] < 0 for slice_ in found.values())
    assert alarms <= 4  # uncorrected, about seven of twenty


def test_calibration_groups_hold_equally_many_rows():
    y, good, _, _ = _flights(rows=4_000)
    table = S.calibration_table(y, good, bins=8)
    assert [row["count"] for row in table] == [500] * 8
    assert all(row["low"] <= row["predicted"] <= row["high"] for row in table)
    assert max(abs(row["predicted"] - row["observed"]) for row in table) < 0.08
    assert S.calibration_table([0, 1, 1], [0.5, 0.5, 0.5]) == [
        {"low": 0.5, "high": 0.5, "predicted": 0.5, "observed": pytest.approx(2 / 3), "count": 3}
    ]


def test_an_interval_reads_as_a_sentence():
    y, good, poor, days = _flights()
    told = describe(S.paired_bootstrap(y, good, poor, blocks=days, draws=100).as_dict(), "the champion")
    assert told.startswith("ROC-AUC +0.") and "against the champion (95 % interval +0." in told


def test_days_are_those_of_the_calendar_on_the_wall():
    week = [f"2013-01-0{day}T04:59:00Z" for day in range(2, 7)]
    assert list(S.blocks_of([*week, "2013-01-06T05:00:00Z"], "America/New_York")) == [
        *(f"2013-01-0{day}" for day in range(1, 6)),
        "2013-01-06",
    ]


def test_a_sprint_of_a_day_is_drawn_by_its_hours():
    day = [f"2013-01-02T0{hour}:{minute}:00Z" for hour in (5, 6) for minute in (10, 50)]
    assert list(S.blocks_of(day, "America/New_York")) == ["2013-01-02 00"] * 2 + ["2013-01-02 01"] * 2


@pytest.mark.parametrize(
    ("outcomes", "blocks", "told"),
    [([0, 0, 0, 0, 0], range(5), "one outcome only"), ([0, 1, 0, 1], range(4), "4 blocks are too few"),
     ([], [], "0 rows with one outcome only"), ([0, 1, 0, 1, 0], range(5), None)],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(outcomes, blocks, told):
    lack = S.incomparable(outcomes, list(blocks))
    assert (lack is None) if told is None else (told in lack)
