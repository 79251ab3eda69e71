"""Training is reproducible, honest about its budget, and refuses the sprint it is judged on."""

import dataclasses
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sprintline.learning import growth
from sprintline.learning.recipes import Inputs, Naive, Recipe, RecipeError
from sprintline.learning.tasks.binary import TASK
from sprintline.learning.training import (
    ANSWERED,
    ASKED,
    TrainingError,
    nothing_to_learn,
    snapshot,
    train,
    training_set,
)

SPRINTS = ["2013-S01", "2013-S02", "2013-S03"]


def _boosting(seed, **options):
    head = ColumnTransformer(
        [
            ("numbers", "passthrough", [0, 1]),
            (
                "codes",
                OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype="float32"),
                [2],
            ),
        ]
    )
    defaults = {"max_iter": 300, "max_leaf_nodes": 7, "n_iter_no_change": 8, "tol": 0.0, "max_features": 0.7}
    return Pipeline(
        [
            ("columns", head),
            ("trees", HistGradientBoostingClassifier(random_state=seed, **(defaults | options))),
        ]
    )


def _logistic(seed):
    head = ColumnTransformer(
        [("numbers", "passthrough", [1]), ("names", OneHotEncoder(handle_unknown="ignore"), [2])]
    )
    return Pipeline([("columns", head), ("line", LogisticRegression(random_state=seed))])


RECIPE = Recipe(
    Inputs(("wind", "hour"), ("carrier",)),
    _boosting,
    _logistic,
    ("carrier", "hour"),
    "a small one",
    threads=1,
)


def _data(rows=500, seed=0, sprints=(*SPRINTS, "2013-S04")):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "question_id": [f"q{n:05d}" for n in range(rows * len(sprints))],
            "sprint": np.repeat(sprints, rows),
            "wind": random.normal(size=rows * len(sprints)),
            "hour": random.integers(5, 23, rows * len(sprints)),
            "carrier": random.choice(["UA", "B6", None], rows * len(sprints)),
        }
    )
    frame.loc[random.random(len(frame)) < 0.05, "wind"] = None
    score = frame["wind"].fillna(0) + (frame["carrier"] == "B6") + frame["hour"] / 10 - 2.5
    late = (random.random(len(frame)) < 1 / (1 + np.exp(-score))).astype(float)
    labels = frame[["question_id", "sprint"]].assign(label=late)
    labels.loc[::50, "label"] = None  # never arrived
    return frame, labels


def _train(frame, labels, **options):
    recipe = options.pop("recipe", RECIPE)
    place = {name: options.pop(name, usual) for name, usual in (("sprints", SPRINTS), ("judged", "2013-S04"))}
    data = training_set(frame, labels, recipe=recipe, **place)
    return train(data, recipe=recipe, **{"seed": 7, "budget_seconds": 60} | options)


@pytest.fixture(scope="module")
def data():
    return _data()


@pytest.fixture(scope="module")
def trained(data):
    return _train(*data)


def test_a_model_its_twin_and_its_baseline_come_out(data, trained):
    frame, labels = data
    judged = frame[frame["sprint"] == "2013-S04"].merge(labels.dropna(), on=["question_id", "sprint"])
    scores = {
        name: TASK.measure(judged["label"], trained.predict(judged, name))["roc_auc"]
        for name in ("model", "twin", "naive")
    }
    assert scores["model"] > scores["naive"] > 0.55 and scores["twin"] > 0.55
    assert trained.stopped == "converged" and 8 < trained.iterations < 300
    assert trained.validation["sprint"] == "2013-S03" and trained.validation["metrics"]["roc_auc"] > 0.65
    assert next(iter(trained.importance)) == "wind" and set(trained.importance) == {"wind", "hour", "carrier"}


def test_only_labelled_rows_of_the_training_sprints_are_used(data, trained):
    _, labels = data
    expected = labels[labels["sprint"].isin(SPRINTS) & labels["label"].notna()]
    assert len(trained.keys) == len(trained.rows) == len(expected)
    assert set(trained.keys["sprint"]) == set(SPRINTS)


def test_twice_is_equal_bit_for_bit_whatever_order_the_rows_came_in(data, trained):
    frame, labels = data
    again = _train(frame.sample(frac=1, random_state=1), labels.sample(frac=1, random_state=2))
    assert (again.predict(frame) == trained.predict(frame)).all()
    assert (again.predict(frame, "twin") == trained.predict(frame, "twin")).all()
    assert _snapshot(again) == _snapshot(trained)


def test_the_pieces_a_model_is_grown_in_do_not_matter(data, trained, monkeypatch):
    for piece in (
        trained.iterations,
        7,
    ):  # the first makes the last tree of a piece the one at which it settles
        monkeypatch.setattr(growth, "PIECE", piece)
        again = _train(*data)
        assert (
            again.iterations == trained.iterations
            and (again.predict(data[0]) == trained.predict(data[0])).all()
        )


def test_the_clock_does_not_steer_a_training_that_converges(data, trained):
    ticks = itertools.count(0, 0.01)
    again = _train(*data, clock=lambda: next(ticks))
    assert again.stopped == "converged" and (again.predict(data[0]) == trained.predict(data[0])).all()


@pytest.mark.fault
def test_a_budget_that_runs_out_is_told(data, monkeypatch):
    monkeypatch.setattr(growth, "PIECE", 5)
    ticks = itertools.count(0, 10.0)
    stopped = _train(*data, clock=lambda: next(ticks), budget_seconds=30)
    assert stopped.stopped == "budget" and stopped.iterations == 5
    assert ((stopped.predict(data[0]) > 0) & (stopped.predict(data[0]) < 1)).all()


@pytest.mark.fault
def test_running_out_of_trees_is_no_convergence(data):
    short = dataclasses.replace(RECIPE, build=lambda seed: _boosting(seed, max_iter=3))
    assert _train(*data, recipe=short).stopped == "budget"


def test_refit_grows_the_trees_found_on_all_sprints(data, trained):
    again = _train(*data, recipe=dataclasses.replace(RECIPE, refit=True))
    assert again.stopped == "converged" and again.iterations < trained.iterations
    assert not (again.predict(data[0]) == trained.predict(data[0])).all()
    assert again.validation == trained.validation  # by the model that had not seen these rows
    assert _train(*data, recipe=dataclasses.replace(RECIPE, refit=True, refit_least=77)).iterations == 77


@pytest.mark.fault
def test_a_budget_that_runs_out_while_growing_again_keeps_the_first_model(data, trained, monkeypatch):
    # Asked at the beginning and before the first growth; after it has converged time is up.
    ticks = itertools.chain([0.0, 0.0], itertools.repeat(1e9))
    monkeypatch.setattr(growth, "PIECE", 300)
    again = _train(*data, recipe=dataclasses.replace(RECIPE, refit=True), clock=lambda: next(ticks))
    assert again.stopped == "budget" and (again.predict(data[0]) == trained.predict(data[0])).all()


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("ticks", [10.0, 14.0], ids=["one piece", "no piece whole"])
def test_what_the_clock_ended_is_repeated_without_one(data, monkeypatch, refit, ticks):
    monkeypatch.setattr(growth, "PIECE", 5)
    clock, recipe = itertools.count(0, ticks), dataclasses.replace(RECIPE, refit=refit)
    first = _train(*data, recipe=recipe, clock=lambda: next(clock), budget_seconds=30)
    assert first.stopped == "budget"
    again = _train(*data, recipe=recipe, budget_seconds=0, stop_after=first.iterations)
    assert (again.iterations, again.stopped) == (first.iterations, "budget")
    assert (again.predict(data[0]) == first.predict(data[0])).all()


def test_a_first_growth_that_was_kept_is_repeated(data, trained, monkeypatch):
    """The clock ended the second growth: what was kept is the first, converged, and so it comes again."""
    ticks = itertools.chain([0.0, 0.0], itertools.repeat(1e9))
    monkeypatch.setattr(growth, "PIECE", 300)
    recipe = dataclasses.replace(RECIPE, refit=True)
    kept = _train(*data, recipe=recipe, clock=lambda: next(ticks))
    again = _train(*data, recipe=recipe, stop_after=kept.iterations)
    assert kept.stopped == "budget"
    assert (again.predict(data[0]) == kept.predict(data[0])).all()


@pytest.mark.fault
def test_a_recipe_is_shown_no_outcome(data):
    """Inputs of its own making, that would take the label where they find it, find none."""

    class Curious(Inputs):
        def prepare(self, frame):
            seen.append(sorted(frame.columns))
            return super().prepare(frame)

    seen: list[list[str]] = []
    inputs = RECIPE.inputs
    _train(*data, recipe=dataclasses.replace(RECIPE, inputs=Curious(inputs.numeric, inputs.categorical)))
    assert seen == [sorted(inputs.names)]


def test_an_estimator_without_boosting_is_fitted_once(data):
    plain = _train(*data, recipe=dataclasses.replace(RECIPE, build=_logistic))
    assert plain.stopped == "converged" and plain.iterations > 1


@pytest.mark.fault
@pytest.mark.parametrize("sprints", [[*SPRINTS, "2013-S04"], ["2013-S02", "2013-S05"]])
def test_the_judged_sprint_and_later_ones_are_refused(data, sprints):
    with pytest.raises(TrainingError, match="judged on 2013-S04"):
        _train(*data, sprints=sprints)


@pytest.mark.fault
def test_data_that_cannot_be_trained_on_is_refused_with_its_place(data):
    frame, labels = data
    with pytest.raises(TrainingError, match="no labelled questions in 2013-S02"):
        _train(frame, labels[labels["sprint"] != "2013-S02"])
    with pytest.raises(
        TrainingError, match="1 questions appear twice among the features, the first is q00000"
    ):
        _train(pd.concat([frame, frame.head(1)]), labels)
    with pytest.raises(TrainingError, match="two sprints"):
        _train(frame, labels, sprints=["2013-S03"])
    with pytest.raises(TrainingError, match="are equal"):
        _train(frame, labels.assign(label=labels["label"].where(labels["sprint"] != "2013-S03", 0.0)))
    with pytest.raises(RecipeError, match="infinite"):
        _train(frame.assign(wind=np.inf), labels)
    with pytest.raises(RecipeError, match="no number"):
        _train(frame.assign(wind="calm"), labels)


def _snapshot(trained, **changes):
    parts = {
        "product": "flights",
        "data_versions": {"outcomes": dict.fromkeys(SPRINTS, "v1")},
        "code_hash": "c",
        "lock_hash": "l",
    }
    return snapshot(trained, **parts | changes)


def test_a_model_is_named_by_everything_that_makes_it(data, trained):
    frame, labels = data
    base = _snapshot(trained).model_id
    assert len(base) == 16 and base == _snapshot(trained).model_id
    flipped = labels.assign(
        label=labels["label"].where(labels["question_id"] != "q00001", 1 - labels["label"])
    )
    others = [
        _snapshot(trained, code_hash="d"),
        _snapshot(trained, lock_hash="m"),
        _snapshot(trained, product="trains"),
        _snapshot(trained, data_versions={"outcomes": dict.fromkeys(SPRINTS, "v2")}),
        _snapshot(dataclasses.replace(trained, seed=8)),
        _snapshot(dataclasses.replace(trained, judged="2013-S05")),
        _snapshot(_train(frame, flipped)),
        _snapshot(_train(frame.assign(wind=frame["wind"] + 0.001), labels)),
    ]
    assert len({base, *(one.model_id for one in others)}) == len(others) + 1


def test_the_naive_baseline_knows_its_groups_whatever_their_type():
    frame = pd.DataFrame({"carrier": ["UA"] * 40 + ["OO"] * 5, "hour": [17] * 45})
    naive = Naive.fit(frame, np.r_[np.ones(10), np.zeros(30), np.ones(5)], ("carrier", "hour"))
    assert naive.base_rate == pytest.approx(15 / 45)
    asked = pd.DataFrame({"carrier": ["UA", "UA", "OO", None], "hour": pd.Series([17.0, 18.0, 17.0, None])})
    expected = [0.25, 15 / 45, 15 / 45, 15 / 45]
    assert naive.predict(asked) == pytest.approx(expected)
    assert Naive.from_dict(naive.as_dict()) == naive
    with pytest.raises(RecipeError, match="does not have hour"):
        naive.predict(asked[["carrier"]])


def test_inputs_are_float32_and_text_in_their_order():
    inputs = Inputs(("b", "a"), ("c",))
    frame = pd.DataFrame(
        {"a": pd.array([1, None], dtype="Int64"), "b": [True, False], "c": [None, "x"], "d": [1, 2]}
    )
    prepared = inputs.prepare(frame)
    assert (
        list(prepared.columns) == ["b", "a", "c"]
        and prepared["a"].dtype == "float32"
        and prepared["c"].tolist() == ["", "x"]
    )
    with pytest.raises(RecipeError, match="does not have c"):
        inputs.prepare(frame[["a", "b"]])
    with pytest.raises(RecipeError, match="named twice"):
        Inputs(("a",), ("a",))
    with pytest.raises(RecipeError, match="naive_groups names hour"):
        Recipe(inputs, _boosting, _logistic, ("hour",), "")


def test_what_sprints_cannot_teach_is_said_before_anything_is_trained(data):
    _, labels = data
    assert nothing_to_learn(labels, SPRINTS) is None
    last, before = labels["sprint"] == max(SPRINTS), labels["sprint"] != max(SPRINTS)
    for equal, told in (
        (last, f"outcomes in {max(SPRINTS)} are equal"),
        (before, f"before {max(SPRINTS)} are equal"),
    ):
        assert told in nothing_to_learn(labels.assign(label=labels["label"].mask(equal, 1.0)), SPRINTS)
    assert "needs two sprints with outcomes" in nothing_to_learn(labels, SPRINTS[:1])
    assert "got none" in nothing_to_learn(labels, [])


def test_a_number_that_no_training_row_holds_is_learned_nothing_of(data):
    frame, labels = data
    nowhere = frame.assign(wind=frame["wind"].where(frame["sprint"] == max(SPRINTS)))
    for empty in (nowhere, frame.assign(wind=np.nan)):
        trained = _train(empty, labels)
        asked = frame[frame["sprint"] == max(SPRINTS)]
        known, unknown = (trained.predict(asked.assign(wind=value)) for value in (asked["wind"], np.nan))
        assert trained.importance["wind"] == 0 or not empty["wind"].isna().all()
        assert np.isfinite(known).all() and np.isfinite(unknown).all()


def test_what_runs_beside_the_trees_gives_the_same(data, trained):
    with ThreadPoolExecutor(1) as beside:
        again = _train(*data, beside=beside)
    assert _snapshot(again) == _snapshot(trained) and again.importance == trained.importance
    assert (again.predict(data[0], "twin") == trained.predict(data[0], "twin")).all()


def test_the_number_of_threads_does_not_change_a_tree(data, trained):
    frame = data[0]
    for threads in (1, 3):
        again = _train(*data, recipe=dataclasses.replace(RECIPE, threads=threads))
        assert (again.predict(frame) == trained.predict(frame)).all()


def test_moments_come_along_where_the_data_say_them(data):
    frame, labels = data
    asked, known = pd.Timestamp("2013-01-01", tz="UTC"), pd.Timestamp("2013-01-02", tz="UTC")
    made = training_set(
        frame.assign(question_at=asked),
        labels.assign(known_at=known),
        sprints=SPRINTS,
        judged="2013-S04",
        recipe=RECIPE,
    )
    assert (made.rows[ASKED] == asked).all() and (made.rows[ANSWERED] == known).all()
    assert list(made.inputs) == list(RECIPE.inputs.names)
