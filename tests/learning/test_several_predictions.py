"""Tasks that predict several numbers a row: the probability of each class, and quantiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sprintline.learning.metrics import measured, paired_bootstrap
from sprintline.learning.quantiles import PerQuantile
from sprintline.learning.recipes import Inputs, Naive, Recipe
from sprintline.learning.tasks import task_named
from sprintline.learning.tasks.task import TaskError
from sprintline.learning.training import TrainingError, nothing_to_learn, train, training_set
from sprintline.learning.trial import objections

CLASSES = ["early", "on time", "late"]
LEVELS = [0.1, 0.5, 0.9]
ARRIVALS = task_named("multiclass", {"classes": CLASSES})
DELAYS = task_named("quantile", {"quantiles": LEVELS})


def arrivals(seed: int = 1, rows: int = 3000):
    """Classes, the probabilities by which they came, and the same blurred."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(0, 1, (rows, 3)) + np.array([0.0, 1.5, 0.3])
    truth = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    answers = (draw.random(rows)[:, None] > truth.cumsum(axis=1)).sum(axis=1).astype(float)
    blurred = np.exp(scores / 3) / np.exp(scores / 3).sum(axis=1, keepdims=True)
    return answers, truth, blurred


def delays(seed: int = 1, rows: int = 3000, off: float = 1.0):
    """Numbers, their true quantiles, and quantiles that know nothing of the row."""
    draw = np.random.default_rng(seed)
    level = draw.gamma(4, 10, rows)
    answers = level + draw.normal(0, 0.2 * level) * off
    truth = level[:, None] * (1 + 0.2 * np.array([-1.2816, 0.0, 1.2816]))
    return answers, truth, np.tile(np.quantile(answers, LEVELS), (rows, 1))


def test_metrics_of_classes_equal_scikit_learn():
    answers, truth, _ = arrivals()
    found = ARRIVALS.measure(answers, truth)
    assert found["log_loss"] == pytest.approx(sk.log_loss(answers, truth))
    assert found["roc_auc_ovr"] == pytest.approx(sk.roc_auc_score(answers, truth, multi_class="ovr"))
    assert found["f1_macro"] == pytest.approx(sk.f1_score(answers, truth.argmax(axis=1), average="macro"))
    weights = np.random.default_rng(3).integers(0, 3, (2, len(answers))).astype(float)
    said = truth.argmax(axis=1)
    scored = ARRIVALS.scorers["f1_macro"](answers, truth)(weights)
    assert scored == pytest.approx(
        [sk.f1_score(answers, said, sample_weight=one, average="macro") for one in weights]
    )
    assert np.isfinite(ARRIVALS.measure([0.0, 1.0], [[0.0, 1.0, 0.0]] * 2)["log_loss"]), (
        "held impossible, and came"
    )


def test_metrics_of_quantiles_equal_scikit_learn():
    answers, truth, _ = delays()
    found = DELAYS.measure(answers, truth)
    each = [sk.mean_pinball_loss(answers, truth[:, place], alpha=one) for place, one in enumerate(LEVELS)]
    assert found["pinball"] == pytest.approx(np.mean(each))
    constant = [
        sk.mean_pinball_loss(answers, np.full(len(answers), np.quantile(answers, q)), alpha=q) for q in LEVELS
    ]
    assert found["d2_pinball"] == pytest.approx(1 - np.mean(each) / np.mean(constant))
    assert found["coverage_error"] < 0.02
    assert DELAYS.measure(answers, truth + 10)["coverage_error"] > 0.2


def test_the_better_model_gains_and_wrong_shapes_are_refused():
    days = np.repeat(np.arange(20), 150)
    for task, (answers, good, bad) in ((ARRIVALS, arrivals()), (DELAYS, delays())):
        for metric in task.watched:
            gain = paired_bootstrap(answers, good, bad, metric, blocks=days, draws=100, prepare=task.scorers)
            assert gain.sure_gain, metric
            assert paired_bootstrap(
                answers, bad, good, metric, blocks=days, draws=100, prepare=task.scorers
            ).sure_loss
        with pytest.raises(ValueError, match="do not pair"):
            measured(answers, good[:, 0], task.reported, task.scorers)
    with pytest.raises(ValueError, match="whole numbers from 0 to 2"):
        ARRIVALS.measure([3.0], [[0.2, 0.3, 0.5]])


@pytest.mark.parametrize(
    ("task", "options", "told"),
    [
        ("multiclass", {}, r"needs the classes that there can be: write `classes: \[early"),
        ("multiclass", {"classes": ["only"]}, "needs the classes"),
        ("multiclass", {"classes": ["on time", "On-Time"]}, "in one column, probability_on_time: rename"),
        ("quantile", {}, r"write `quantiles: \[0.1, 0.5, 0.9\]`"),
        ("quantile", {"quantiles": [0.9, 0.1]}, "rising"),
        ("quantile", {"quantiles": [0.0, 0.5]}, "between 0 and 1"),
        ("binary", {"classes": ["a", "b"]}, "the task binary has no classes: remove the line"),
        ("multiclass", {"classes": ["a", "b"], "quantiles": [0.1, 0.9]}, "the task multiclass has no quantiles"),
    ],
)  # fmt: skip
def test_options_that_a_task_cannot_have_are_refused(task, options, told):
    with pytest.raises(TaskError, match=told):
        task_named(task, options)


def test_answers_are_words_in_the_mart_and_numbers_elsewhere():
    import duckdb

    quoted = task_named("multiclass", {"classes": ["it's late", "early"]})
    words = pd.DataFrame({"answer": ["early", "it's late", "lost"]})
    assert quoted.odd(words["answer"]).tolist() == [False, False, True]
    with duckdb.connect() as connection:
        connection.register("words", words)
        read = connection.execute(f"select {quoted.sql('answer')} from words").fetchall()
    assert read == [(1,), (0,), (None,)]
    assert quoted.coded(words["answer"]).tolist()[:2] == [1.0, 0.0]
    assert quoted.levels(words["answer"].head(2)) == {
        "positive_rate": None,
        "shares": {"it's late": 0.5, "early": 0.5},
    }
    assert quoted.takes("varchar") and quoted.takes("integer") and not quoted.takes("boolean")


def test_predictions_have_a_column_for_each_part_and_come_back():
    _, truth, _ = arrivals(rows=5)
    issued = ARRIVALS.issued(truth)
    assert list(issued) == ["prediction", "probability_early", "probability_on_time", "probability_late"]
    assert issued["prediction"].tolist() == [CLASSES[place] for place in truth.argmax(axis=1)]
    assert (ARRIVALS.of(pd.DataFrame(issued), "probability") == truth).all()
    assert DELAYS.columns("quantile") == ("quantile_10", "quantile_50", "quantile_90")
    assert ARRIVALS.issued(np.empty((0, 3)))["probability_late"].shape == (0,)
    none = pd.DataFrame({name: [None] for name in ARRIVALS.columns("probability")})
    assert ARRIVALS.usable(ARRIVALS.of(none, "probability")).tolist() == [False]
    assert ARRIVALS.usable(np.array([[0.2, 0.3, 0.5], [0.2, 0.3, 0.4]])).tolist() == [True, False]


def test_the_naive_baseline_predicts_every_part_and_holds_nothing_impossible():
    frame = pd.DataFrame({"carrier": ["a"] * 40 + ["b"] * 40})
    answers = np.array([0] * 40 + [1] * 30 + [2] * 10)
    naive = Naive.fit(frame, ARRIVALS.targets(answers), ["carrier"], statistic=ARRIVALS.statistic)
    found = naive.predict(pd.DataFrame({"carrier": ["a", "b", "new"]}))
    assert found.sum(axis=1) == pytest.approx([1, 1, 1]) and (found > 0).all()
    assert found[0, 0] > 0.8 and found[2] == pytest.approx([0.5, 0.375, 0.125])
    assert Naive.from_dict(naive.as_dict()) == naive and naive.of_all(2).shape == (2, 3)
    numbers = np.concatenate([np.arange(40.0), 100 + np.arange(40.0)])
    quantiles = Naive.fit(frame, DELAYS.targets(numbers), ["carrier"], statistic=DELAYS.statistic)
    assert quantiles.predict(frame.tail(1))[0] == pytest.approx(np.quantile(numbers[40:], LEVELS))


def test_right_probabilities_have_no_excess_of_errors_and_wrong_ones_have():
    answers, truth, blurred = arrivals(rows=20_000)
    found, spread = ARRIVALS.excess(answers, truth, None)
    low, high = ARRIVALS.bounds
    assert abs(found.mean()) / spread < 0.03 and low <= found.min() and found.max() <= high
    assert found.std() == pytest.approx(spread, rel=0.1)
    sure = truth**4 / (truth**4).sum(axis=1, keepdims=True)
    found, spread = ARRIVALS.excess(answers, sure, None)
    assert found.mean() / spread > 0.3
    assert ARRIVALS.skill(answers, truth, blurred, np.arange(20_000) * 600)["skill"] > 0.03


def test_errors_of_quantiles_are_compared_with_the_usual_ones():
    usual = DELAYS.errors_of(*delays(1)[:2])

    def effect(seed: int, off: float) -> float:
        found, spread = DELAYS.excess(*delays(seed, off=off)[:2], usual)
        return float(found.mean() / spread)

    assert abs(effect(2, 1.0)) < 0.1 and effect(3, 1.6) > 0.3


def test_predictions_that_are_all_alike_are_seen():
    _, truth, _ = arrivals()
    assert ARRIVALS.same_number(truth, np.empty(0))["share"] < 0.1
    assert ARRIVALS.same_number(np.tile([0.2, 0.5, 0.3], (50, 1)), np.empty(0))["share"] == 1
    answers, quantiles, flat = delays()
    assert (
        DELAYS.same_number(quantiles, answers)["share"] < 0.1
        and DELAYS.same_number(flat, answers)["share"] == 1
    )


# --- a recipe of each ------------------------------------------------------------------------------------------------

INPUTS = Inputs(("hour", "distance"), ("carrier",))


def _trees(last):
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype="float32")
    return lambda _seed: Pipeline(
        [
            ("columns", ColumnTransformer([("numbers", "passthrough", [0, 1]), ("codes", codes, [2])])),
            ("last", last()),
        ]
    )


def _line(last):
    from sklearn.impute import SimpleImputer

    names = OneHotEncoder(handle_unknown="ignore", dtype="float32")
    head = ColumnTransformer([("numbers", SimpleImputer(), [0, 1]), ("names", names, [2])])
    return lambda _seed: Pipeline([("columns", head), ("last", last())])


def recipe_of(task) -> Recipe:
    if task is ARRIVALS:
        model = _trees(lambda: HistGradientBoostingClassifier(max_iter=30, random_state=0))
        twin = _line(lambda: LogisticRegression(max_iter=2000))
    else:
        boosted = HistGradientBoostingRegressor(loss="quantile", quantile=0.5, max_iter=30, random_state=0)
        model = _trees(lambda: PerQuantile(boosted, levels=LEVELS))
        twin = _line(lambda: PerQuantile(QuantileRegressor(alpha=0.001), levels=LEVELS))
    return Recipe(INPUTS, model, twin, ("carrier",), "a test")


def rows_of(task, rows: int = 1500):
    draw = np.random.default_rng(5)
    frame = pd.DataFrame({
        "question_id": [f"q{n:05d}" for n in range(rows)],
        "sprint": np.repeat(["2026-S01", "2026-S02", "2026-S03"], rows // 3),
        "hour": draw.integers(0, 24, rows).astype(float), "distance": draw.gamma(3, 100, rows),
        "carrier": draw.choice(["a", "b", "c"], rows),
    })  # fmt: skip
    minutes = (
        (frame["hour"] - 10) * 3 + frame["carrier"].map({"a": 0, "b": 10, "c": 25}) + draw.normal(0, 15, rows)
    )
    label = np.digitize(minutes, [0, 30]) if task is ARRIVALS else minutes
    return frame, frame[["question_id", "sprint"]].assign(label=label)


@pytest.mark.parametrize("task", [ARRIVALS, DELAYS], ids=["multiclass", "quantile"])
def test_a_recipe_trains_and_is_served_as_it_predicts(task, tmp_path):
    from sprintline.learning.bundles import Scorer, digest
    from sprintline.learning.exporters import asked_types, export, reviewed_types
    from sprintline.learning.parity import parity

    recipe, (frame, labels) = recipe_of(task), rows_of(task)
    assert objections(recipe, task=task) == []
    sprints = ["2026-S01", "2026-S02"]
    data = training_set(frame, labels, sprints=sprints, judged="2026-S03", recipe=recipe, task=task)
    trained = train(data, recipe=recipe, seed=0, budget_seconds=60)
    held = frame["sprint"] == "2026-S03"
    answers = labels.loc[held, "label"].to_numpy(dtype=float)
    said, naive = trained.predict(frame[held]), trained.predict(frame[held], "naive")
    assert said.shape == naive.shape == (len(answers), 3)
    assert task.measure(answers, said)[task.decides] < 0.9 * task.measure(answers, naive)[task.decides]
    assert next(iter(trained.importance)) in ("hour", "carrier") and trained.params["task"] == task.name
    assert asked_types(trained.model) <= reviewed_types()
    for pipeline in (trained.model, trained.twin):
        file = tmp_path / "model.onnx"
        file.write_bytes(export(pipeline, INPUTS))
        scorer = Scorer(file, digest(file.read_bytes()), INPUTS, task=task)
        found = parity(pipeline, scorer, frame[held], float(labels["label"].std()))
        assert max(found["difference"], found["edge_difference"]) < 1e-5
        assert scorer.predict(frame.head(0)).shape == (0, 3)


def test_a_class_that_has_not_come_yet_cannot_be_learned():
    frame, labels = rows_of(ARRIVALS)
    gone = labels.assign(label=labels["label"].where(labels["label"] != 2, 1))
    late = gone.assign(label=labels["label"].where(labels["sprint"] == "2026-S02", gone["label"]))
    assert "no answer of the class late before 2026-S02" in nothing_to_learn(
        late, ["2026-S01", "2026-S02"], ARRIVALS
    )
    with pytest.raises(TrainingError, match="no answer of the class late"):
        training_set(
            frame,
            gone,
            sprints=["2026-S01", "2026-S02"],
            judged="2026-S03",
            recipe=recipe_of(ARRIVALS),
            task=ARRIVALS,
        )
    assert nothing_to_learn(labels, ["2026-S01", "2026-S02"], ARRIVALS) is None
    strange = labels.assign(label=7)
    with pytest.raises(TrainingError, match="labels must be one of the classes"):
        training_set(
            frame, strange, sprints=["2026-S01", "2026-S02"], judged="2026-S03", recipe=recipe_of(ARRIVALS),
            task=ARRIVALS,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("task", "last", "told"),
    [
        (ARRIVALS, Ridge(), "Ridge does not predict one of the classes: the task is multiclass, use a classifier"),
        (DELAYS, HistGradientBoostingRegressor(), r"does not predict quantiles: .* write PerQuantile\(estimator"),
        (DELAYS, PerQuantile(QuantileRegressor(), [0.1, 0.9]), "predicts the quantiles 0.1, 0.9, defs.yaml says"),
        (DELAYS, PerQuantile(Ridge(), LEVELS), "Ridge predicts no quantile; use one of GradientBoostingRegressor"),
    ],
)  # fmt: skip
def test_estimators_that_do_not_suit_are_refused(task, last, told):
    import re

    assert re.search(told, task.unsuited(Pipeline([("last", last)])))


def test_a_booster_of_either_library_predicts_quantiles_exactly():
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    for last in (
        lightgbm.LGBMRegressor(objective="quantile", n_estimators=20, verbose=-1),
        xgboost.XGBRegressor(objective="reg:quantileerror", n_estimators=20),
    ):
        recipe = Recipe(
            INPUTS,
            _trees(lambda last=last: PerQuantile(last, LEVELS)),
            recipe_of(DELAYS).twin,
            ("carrier",),
            "a test",
        )
        assert objections(recipe, task=DELAYS) == []
