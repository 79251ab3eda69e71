"""Tasks: which answers they take, how they score, and what their errors lead to expect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from sprintline.learning.metric_functions import PREPARE, of_levels
from sprintline.learning.metric_names import METRICS
from sprintline.learning.metrics import paired_bootstrap
from sprintline.learning.recipes import Naive, RecipeError
from sprintline.learning.skills import QUALITIES, quality_of, skill_of
from sprintline.learning.tasks import task_named, tasks
from sprintline.learning.trial import must_be_served
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.release.ties import compared

REGRESSION, COUNT, BINARY = task_named("regression"), task_named("count"), task_named(None)


def numbers(seed: int = 1, rows: int = 2000, off: float = 1.0):
    """Answers that spread more where they are large, and predictions of them."""
    draw = np.random.default_rng(seed)
    level = draw.gamma(4, 10, rows)
    return level + draw.normal(0, 0.2 * level) * off, level


def test_every_metric_can_be_computed_and_every_task_reports_known_ones():
    assert set(METRICS) == {*PREPARE, *of_levels((0.1, 0.9))}
    for one in tasks().values():
        assert {one.decides, *one.watched} <= set(one.reported) <= set(METRICS)
        assert one.quality in one.reported and one.quality in QUALITIES
        assert len(one.reported) == 3, "tables have three columns of metrics"
    with pytest.raises(LookupError, match="no task ranking; known are binary, count, multiclass"):
        task_named("ranking")


def test_metrics_of_numbers_equal_scikit_learn():
    answers, said = numbers()
    found = REGRESSION.measure(answers, said)
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(answers, said))
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(answers, said))
    assert found["r2"] == pytest.approx(sk.r2_score(answers, said))
    counts = np.random.default_rng(2).poisson(said)
    deviance = COUNT.measure(counts, said)["poisson_deviance"]
    assert deviance == pytest.approx(sk.mean_poisson_deviance(counts, said))
    assert COUNT.measure([0, 3], [0.0, 3.0])["poisson_deviance"] == pytest.approx(0, abs=1e-6)


def test_what_has_no_value_is_none():
    assert REGRESSION.measure([], []) == {"mae": None, "rmse": None, "r2": None}
    assert REGRESSION.measure([2.0, 2.0], [1.0, 2.0])["r2"] is None, "nothing varies"
    with pytest.raises(ValueError, match="must be numbers, and none may be missing"):
        REGRESSION.measure([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="must be numbers"):
        REGRESSION.measure([1.0, 2.0], [1.0, np.inf])


@pytest.mark.parametrize(
    ("task", "answers", "odd"),
    [
        (BINARY, [0, 1, 35], [False, False, True]),
        (REGRESSION, [-3.5, np.inf, 0], [False, True, False]),
        (COUNT, [0, 2.5, -1], [False, True, True]),
    ],
)
def test_answers_of_another_kind_are_odd(task, answers, odd):
    assert task.odd(pd.Series(answers)).tolist() == odd


def test_a_label_is_declared_as_what_the_task_answers():
    assert BINARY.takes("boolean") and BINARY.takes("bigint") and not BINARY.takes("double")
    assert REGRESSION.takes("double") and REGRESSION.takes("decimal(10,2)")
    assert not any(REGRESSION.takes(one) for one in ("boolean", "varchar", "text", "timestamptz", "date"))


def test_a_gain_of_a_loss_is_positive_for_the_better_model_and_margins_are_shares():
    answers, good = numbers()
    bad = good + 5
    days = np.repeat(np.arange(20), 100)
    for metric in REGRESSION.reported:
        gain = paired_bootstrap(answers, good, bad, metric, blocks=days, draws=100)
        assert gain.low > 0, metric
    gain = paired_bootstrap(answers, good, bad, "mae", blocks=days, draws=100).as_dict()
    assert gain["scale"] == pytest.approx(sk.mean_absolute_error(answers, bad))
    share = gain["low"] / gain["scale"]
    assert compared(gain, share * 0.9) == "better" and compared(gain, share * 1.1) == "a tie"
    again = paired_bootstrap(answers * 1000, good * 1000, bad * 1000, "mae", blocks=days, draws=100).as_dict()
    assert compared(again, share * 1.1) == "a tie", "the unit does not decide"
    assert "scale" not in paired_bootstrap([0, 1] * 50, [0.1, 0.9] * 50, [0.5] * 100, draws=50).as_dict()


def test_the_naive_baseline_is_the_statistic_that_the_task_names():
    frame = pd.DataFrame({"station": ["a"] * 30 + ["b"] * 30})
    answers = np.array([1.0] * 29 + [1000.0] + [5.0] * 30)
    median = Naive.fit(frame, answers, ["station"], statistic=REGRESSION.statistic)
    assert median.predict(pd.DataFrame({"station": ["a", "b", "c"]})).tolist() == [1.0, 5.0, 5.0]
    assert Naive.from_dict(median.as_dict()) == median
    assert Naive.fit(frame, answers, ["station"]).predict(frame.head(1))[0] == pytest.approx(34.3)


def test_predictions_that_are_one_number_are_seen_in_the_unit_of_the_answers():
    answers, said = numbers()
    assert REGRESSION.same_number(said, answers)["share"] < 0.1
    assert REGRESSION.same_number(said * 1e-6 + 30, answers)["share"] == 1
    assert REGRESSION.same_number(np.full(50, 7.0), np.empty(0))["share"] == 1, "no answer is known yet"
    assert REGRESSION.same_number(np.array([np.nan]), answers) == {"rows": 0, "number": None, "share": None}


def test_larger_errors_of_larger_numbers_are_no_drift_but_growing_ones_are():
    answers, said = numbers(1)
    usual = REGRESSION.errors_of(answers, said)
    later, then = numbers(2)
    season = then > np.quantile(then, 0.7)  # a season of large numbers, which are always further off

    def effect(found: tuple[np.ndarray, float] | None) -> float:
        return found[0].mean() / found[1]

    assert abs(effect(REGRESSION.excess(later[season], then[season], usual))) < 0.1
    assert effect(REGRESSION.excess(*numbers(3, off=1.5), usual)) > 0.3
    assert REGRESSION.excess(later, then, None) is None, "a release without errors says nothing"
    assert REGRESSION.errors_of(answers[:20], said[:20]) is None, "too few to say what is usual"


def test_skill_is_the_share_of_the_naive_error_that_the_model_does_away_with():
    answers, said = numbers()
    naive, asked = np.full(len(answers), np.median(answers)), np.arange(len(answers)) * 1800
    found = REGRESSION.skill(answers, said, naive, asked)
    expected = 1 - sk.mean_absolute_error(answers, said) / sk.mean_absolute_error(answers, naive)
    assert found["skill"] == pytest.approx(expected) and 0 < found["skill_error"] < 0.05
    assert REGRESSION.skill(answers, said, answers, asked)["skill"] is None, "the baseline is perfect"


def test_records_from_before_tasks_are_read():
    assert skill_of({"roc_auc": 0.8, "error": 0.01, "naive": 0.6}) == pytest.approx(0.6)
    assert skill_of({"roc_auc": None, "error": None, "naive": None}) is None
    assert quality_of({"roc_auc": 0.7, "brier": 0.1})[0].name == "roc_auc"


def judged(code: str, **evidence):
    return all_rules()[code]({"trained": True, **evidence})


def test_rules_read_numbers_as_they_read_probabilities():
    origins = [
        {"at": f"2026-0{n}-01", "skill": skill, "skill_error": 0.02} for n, skill in ((1, 0.4), (2, 0.5))
    ]
    found = judged("ML409", backtest={"origins": origins})
    assert found.outcome is Outcome.PASS and "40%, 50% less than the naive baseline" in found.sentence
    origins[0] |= {"skill": 0.05}
    assert judged("ML409", backtest={"origins": origins}).outcome is Outcome.FAIL
    evidence = {"by_model": {"candidate": {"mae": 1.0, "r2": 0.97}}, "judged": "2026-S05"}
    alone = judged("ML412", importance={"late_column": 1.9, "other": 0.1}, **evidence)
    assert alone.outcome is Outcome.FAIL and "late_column alone carries" in alone.sentence
    assert judged("ML412", importance={"one": 0.9, "other": 0.8}, **evidence).outcome is Outcome.FAIL, (
        "R² > 0.95"
    )
    evidence["by_model"]["candidate"]["r2"] = 0.93
    assert judged("ML412", importance={"one": 0.9, "other": 0.8}, **evidence).outcome is Outcome.PASS


def test_an_estimator_of_the_other_kind_is_refused_before_it_trains():
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline

    def of(last):
        return Pipeline([("line", last)])

    assert BINARY.unsuited(of(LogisticRegression())) is None and REGRESSION.unsuited(of(Ridge())) is None
    with pytest.raises(
        RecipeError, match="Ridge does not predict yes or no: the task is binary, use a classifier"
    ):
        must_be_served(BINARY, of(LogisticRegression()), of(Ridge()))
    with pytest.raises(RecipeError, match=r"LogisticRegression does not predict a count: .* use a regressor"):
        must_be_served(COUNT, of(LogisticRegression()))


def test_forecasts_of_a_series_are_the_last_answers_that_were_known():
    from sprintline.learning.series import LAST, SEASONAL, forecasts

    def moments(*texts):
        return pd.to_datetime(list(texts), utc=True)

    known = pd.DataFrame({
        "event_at": moments("2026-01-05 09:00", "2026-01-11 08:00", "2026-01-12 08:00", "2026-01-12 08:00"),
        "known_at": moments("2026-01-05 10:00", "2026-01-11 09:00", "2026-01-12 12:00", "2026-01-11 09:00"),
        "label": [1.0, 2.0, 3.0, 9.0], "station": ["a", "a", "a", "b"],
    })  # fmt: skip
    asked = pd.DataFrame({
        "question_at": moments("2026-01-12 09:01", "2026-01-12 12:01", "2026-01-01 00:00", "2026-01-12 09:00"),
        "event_at": moments("2026-01-12 09:30", "2026-01-12 13:00", "2026-01-01 00:00", "2026-01-12 09:30"),
        "station": ["a", "a", "a", "c"],
    })  # fmt: skip
    found = forecasts(asked, known, ["station"], "UTC", np.full(4, -1.0))
    assert found[LAST].tolist() == [2.0, 3.0, -1.0, -1.0], "what is known at noon is not known at nine"
    assert found[SEASONAL].tolist() == [1.0, -1.0, -1.0, -1.0], "the Monday before at nine"
    own = asked.iloc[[1]].assign(question_at=moments("2026-01-12 12:00"))
    assert forecasts(own, known, ["station"], "UTC", np.full(1, -1.0))[LAST].tolist() == [2.0], (
        "no answer is its own"
    )
    zone = forecasts(asked.head(1), known, ["station"], "America/New_York", np.full(1, -1.0))
    assert zone[SEASONAL].tolist() == [1.0], "both are four o'clock there"
    assert (
        not task_named("quantile", {"quantiles": [0.1, 0.9]}).is_series
        and COUNT.is_series
        and not BINARY.is_series
    )
