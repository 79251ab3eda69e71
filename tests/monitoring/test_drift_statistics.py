"""What is ordinary: distances with known values, and a null that holds what a sprint may do."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from sprintline.monitoring.drift_statistics import (
    JS_SCALE,
    Null,
    Spread,
    cohens_h,
    cohens_q,
    jensen_shannon,
    learn,
    pairs_of,
    rank_correlations,
    rows_for,
    upper,
    wasserstein,
)


def test_wasserstein_is_scipys_over_the_references_deviation():
    draw = np.random.default_rng(1)
    now, was = np.sort(draw.normal(0.3, 1, 700)), np.sort(draw.gamma(2, 2, 1100).round(1))
    assert wasserstein(now, was) == pytest.approx(stats.wasserstein_distance(was, now) / was.std(), rel=1e-9)
    assert wasserstein(was + was.std() / 2, was) == pytest.approx(0.5)
    assert wasserstein(was, was) == pytest.approx(0, abs=1e-12)


def test_jensen_shannon_is_scipys():
    now, was = pd.Series(list("aabbbc")), pd.Series(list("aaad"))
    expected = jensenshannon([2 / 6, 3 / 6, 1 / 6, 0], [3 / 4, 0, 0, 1 / 4])
    assert jensen_shannon(now, was) == pytest.approx(expected)
    assert jensen_shannon(was, was) == pytest.approx(0, abs=1e-12)


def test_a_small_shift_of_a_gaussian_is_as_far_in_both_scales():
    grid = np.linspace(-8, 8.1, 4000)
    distance = jensenshannon(stats.norm.pdf(grid), stats.norm.pdf(grid, 0.1)) * JS_SCALE
    assert distance == pytest.approx(0.1, rel=0.01)


def test_effects_of_shares_and_correlations():
    assert cohens_h(0.5, 0.5) == 0 and cohens_h(1, 0) == pytest.approx(np.pi)
    assert cohens_q(np.array([0.5, 0.0]), np.array([0.0, 0.0])).tolist() == pytest.approx([0.549306, 0])


def test_rank_correlations_are_spearmans_where_nothing_is_missing():
    draw = np.random.default_rng(2)
    frame = pd.DataFrame(draw.normal(size=(500, 3)), columns=list("abc")).assign(d=lambda f: np.exp(f.a))
    names = list("abcd")
    assert rank_correlations(frame, names) == pytest.approx(frame.corr("spearman").to_numpy(), abs=1e-12)
    assert dict(zip(pairs_of(names), upper(rank_correlations(frame, names)), strict=True))[
        "a × d"
    ] == pytest.approx(1)


def test_a_column_that_does_not_vary_has_no_correlation():
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 5.0], "c": [np.nan] * 3})
    assert np.isnan(upper(rank_correlations(frame, list("abc")))).all()


@pytest.mark.parametrize(
    ("rows", "at"),
    [(12_001, 12_000), (12_000, 12_000), (8192, 8192), (8191, 5792), (1500, 1448), (1, 1), (0, 1)],
)
def test_windows_of_about_one_size_share_a_null(rows, at):
    assert rows_for(rows, 12_000) == at


def test_a_limit_is_the_farthest_or_the_prediction_interval():
    # Published 97.5 % points of Student's t: 3.182 with 3 degrees of freedom, 2.179 with 12.
    three = Spread.of([0.1, 0.1, 0.1])
    assert three.scale == pytest.approx(0.1) and three.limit == pytest.approx(
        0.1 * 3.182 * np.sqrt(4 / 3), rel=1e-3
    )
    twelve = Spread.of([0.1] * 11 + [0.9])
    assert twelve.limit == 0.9
    assert Spread.of([]) == Spread(0.0, 0.0)


def _sprint(number: int, rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(number)
    frame = pd.DataFrame(
        {"calm": draw.normal(size=rows), "seasonal": draw.normal(np.sin(number / 2), 1, rows)}
    )
    frame["kind"] = draw.choice(["a", "b"], rows)
    frame.loc[draw.random(rows) < 0.1, "calm"] = np.nan
    return frame


def _learn(rows: int = 400, sprints: range = range(12)) -> Null:
    reference = pd.concat([_sprint(number).assign(sprint=f"S{number:02d}") for number in range(4, 12)])
    windows = [(f"S{number:02d}", _sprint(number)) for number in sprints]
    return learn(reference, windows, ["calm", "seasonal"], ["kind"], rows, seed=0)


def test_the_season_is_in_the_null():
    null = _learn()
    assert null.sprints == tuple(f"S{number:02d}" for number in range(12))
    assert null.values["seasonal"].limit > 5 * null.values["calm"].limit
    assert null.shares["calm"] == pytest.approx(0.1, abs=0.02) and null.shares["kind"] == 0
    assert set(null.correlations) == set(null.ranks) == {"calm × seasonal"}


def test_fewer_rows_are_farther_by_chance():
    assert _learn(rows=50).values["calm"].limit > 1.5 * _learn(rows=400).values["calm"].limit


def test_a_null_is_kept_as_it_was_learned_and_the_same_each_time():
    null = _learn()
    kept = json.loads(json.dumps(null.as_dict()))
    assert Null.from_dict(kept).as_dict() == kept == _learn().as_dict()


def test_a_reference_of_one_sprint_shows_nothing():
    reference = _sprint(1).assign(sprint="S01")
    assert learn(reference, [("S01", _sprint(1))], ["calm"], [], 400, 0).sprints == ()
