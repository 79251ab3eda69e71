"""LightGBM and XGBoost: exported exactly, stopped early on the last training sprint, refused where not exact."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier

from sprintline.learning.backtest import rolling_origin
from sprintline.learning.exporters import asked_types, export, exporters, lightgbm, refusals, reviewed_types
from sprintline.learning.parity import answers, largest_difference, onnx_answers
from sprintline.learning.recipes import Inputs, Recipe
from sprintline.learning.synthetic_rows import answers_for, awkward, invented
from sprintline.learning.tasks.binary import TASK
from sprintline.learning.training import train, training_set
from sprintline.learning.trial import objections

INPUTS = Inputs(("swell", "pressure", "hour", "amount", "step"), ("carrier", "dest"))
TWO, FOUR, NUMBER, COUNT = "two classes", "four classes", "number", "count"
LIMIT = 1e-5


def _light(kind=LGBMClassifier, **more):
    return kind(**{"n_estimators": 25, "min_child_samples": 5, "verbose": -1, "n_jobs": 1, **more})


def _extreme(kind=XGBClassifier, **more):
    return kind(**{"n_estimators": 25, "max_depth": 4, "n_jobs": 1, **more})


def _pipeline(last, *between, numbers="passthrough", unknown=-1):
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown)
    head = ColumnTransformer(
        [("numbers", numbers, list(INPUTS.numeric)), ("codes", codes, list(INPUTS.categorical))]
    )
    return Pipeline([("columns", head), *between, ("model", last)])


COMPARED = {
    "light": (TWO, _light()),
    "light, classes": (FOUR, _light(n_estimators=10)),
    "light, number": (NUMBER, _light(LGBMRegressor)),
    "light, absolute": (NUMBER, _light(LGBMRegressor, objective="l1")),
    "light, quantile": (NUMBER, _light(LGBMRegressor, objective="quantile", alpha=0.9)),
    "light, count": (COUNT, _light(LGBMRegressor, objective="poisson")),
    "light, tweedie": (COUNT, _light(LGBMRegressor, objective="tweedie")),
    "light, gamma": (NUMBER, _light(LGBMRegressor, objective="gamma")),
    "light, dart": (TWO, _light(boosting_type="dart")),
    "light, native categories": (TWO, _light(categorical_feature=[5, 6])),
    "extreme": (TWO, _extreme()),
    "extreme, classes": (FOUR, _extreme(n_estimators=10)),
    "extreme, number": (NUMBER, _extreme(XGBRegressor)),
    "extreme, absolute": (NUMBER, _extreme(XGBRegressor, objective="reg:absoluteerror")),
    "extreme, quantile": (NUMBER, _extreme(XGBRegressor, objective="reg:quantileerror", quantile_alpha=0.9)),
    "extreme, count": (COUNT, _extreme(XGBRegressor, objective="count:poisson")),
    "extreme, tweedie": (COUNT, _extreme(XGBRegressor, objective="reg:tweedie")),
    "extreme, gamma": (NUMBER, _extreme(XGBRegressor, objective="reg:gamma")),
    "extreme, native categories": (TWO, _extreme(enable_categorical=True, feature_types=[*"qqqqqcc"])),
    "extreme, calibrated": (TWO, CalibratedClassifierCV(_extreme(), method="sigmoid", cv=3)),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def rows():
    fitted = invented(INPUTS, 400, 1)
    return fitted, pd.concat([awkward(INPUTS, 2_000, 2), invented(INPUTS, 500, 3), fitted])


def _difference(pipeline, kind, fitted, asked):
    label = answers_for(fitted, INPUTS, kind, 1)
    pipeline.fit(INPUTS.prepare(fitted), label)
    theirs = answers(pipeline, INPUTS.prepare(asked))
    spread = None if is_classifier(pipeline) else float(label.std())
    return largest_difference(theirs, onnx_answers(export(pipeline, INPUTS), INPUTS, asked), spread)


@pytest.mark.parametrize("numbers", ["passthrough", StandardScaler()], ids=["nulls", "scaled"])
@pytest.mark.parametrize("name", COMPARED)
def test_an_export_answers_as_its_library(name, numbers, rows):
    kind, estimator = COMPARED[name]
    pipeline = _pipeline(estimator, numbers=numbers, unknown=np.nan if "native" in name else -1)
    assert not refusals(pipeline)
    assert _difference(pipeline, kind, *rows) < LIMIT
    asked = asked_types(pipeline)
    assert asked <= reviewed_types()
    again = skops.io.loads(skops.io.dumps(pipeline), trusted=sorted(asked))
    some = INPUTS.prepare(rows[1]).head(50)
    assert np.array_equal(answers(again, some), answers(pipeline, some))


@pytest.mark.parametrize("estimator", [_light(), _extreme()], ids=["light", "extreme"])
def test_nulls_that_training_never_had_go_where_the_library_sends_them(estimator, rows):
    fitted = rows[0].dropna(subset=list(INPUTS.numeric))
    assert _difference(_pipeline(estimator), TWO, fitted, rows[1]) < LIMIT


@pytest.mark.fault
def test_without_the_correction_of_thresholds_and_nulls_light_gbm_differs(rows, monkeypatch):
    from onnxmltools.convert.lightgbm.operator_converters import LightGbm

    lightgbm._register()
    monkeypatch.setattr(LightGbm, "dump_booster_model", LightGbm.dump_booster_model.__wrapped__)
    assert _difference(_pipeline(_light(n_estimators=60)), TWO, *rows) > 100 * LIMIT


REFUSED = {
    "averages": (_light(boosting_type="rf"), 'use boosting_type="gbdt"'),
    "a model per class": (_light(objective="multiclassova"), 'objective="multiclass"'),
    "zeros as nulls": (_light(zero_as_missing=True), "SQL"),
    "lines in leaves": (_light(linear_tree=True), "linear_tree=True"),
    "calibrated scores": (CalibratedClassifierCV(_light(), method="sigmoid"), "estimator=LGBMClassifier"),
    "dart": (_extreme(booster="dart"), 'use booster="gbtree"'),
    "lines": (_extreme(booster="gblinear"), 'use booster="gbtree"'),
    "forests of boosted trees": (_extreme(num_parallel_tree=3), "num_parallel_tree=1"),
    "forests": (XGBRFClassifier(), "RandomForest"),
    "several quantiles": (_extreme(XGBRegressor, quantile_alpha=[0.1, 0.9]), "a model per quantile"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_exact_is_refused_with_the_nearest_that_is(name):
    estimator, text = REFUSED[name]
    assert re.search(text, " | ".join(map(str, refusals(_pipeline(estimator)))))


def test_trees_behind_a_scaler_are_refused_where_they_compare_float64():
    scaler = ("scaled", StandardScaler())
    assert "float64" in str(refusals(_pipeline(_light(), scaler))[0])
    assert refusals(_pipeline(_extreme(num_parallel_tree=1), scaler)) == []


def test_published_classes_are_compared():
    compared = {type(estimator).__name__ for _, estimator in COMPARED.values()}
    for library in ("lightgbm", "xgboost"):
        assert {name for one in exporters()[library].SUPPORTED for name in one.names} <= compared


def _twin(seed):
    codes = OneHotEncoder(handle_unknown="ignore")
    return Pipeline(
        [("columns", ColumnTransformer([("codes", codes, ["carrier"])])), ("line", LogisticRegression())]
    )


@pytest.mark.parametrize(
    ("make", "patience"),
    [(_light, "early_stopping_round"), (_extreme, "early_stopping_rounds")],
    ids=["light", "extreme"],
)
@pytest.mark.parametrize("refit", [False, True], ids=["once", "refit"])
def test_growth_stops_on_the_last_training_sprint_and_what_serves_is_its_best(make, patience, refit):
    def build(seed):
        return _pipeline(make(n_estimators=400, learning_rate=0.3, random_state=seed, **{patience: 5}))

    recipe = Recipe(
        INPUTS, build, build if refit else _twin, ("carrier",), "a booster", refit=refit, threads=1
    )
    assert objections(recipe) == []
    frame = invented(INPUTS, 900, 5)
    label = answers_for(frame, INPUTS, TWO, 5)
    frame = frame.assign(
        question_id=[f"q{n:04d}" for n in range(900)], sprint=np.repeat(["S1", "S2", "S3"], 300)
    )
    labels = frame[["question_id", "sprint"]].assign(label=label)
    data = training_set(frame, labels, sprints=["S1", "S2", "S3"], judged="S4", recipe=recipe)
    trained = train(data, recipe=recipe, seed=1, budget_seconds=60)
    assert trained.stopped == "converged" and 1 <= trained.iterations < 200
    # A backtest keeps no sprint to stop on.
    asked_at = pd.Series(pd.date_range("2026-01-05", periods=900, freq="h", tz="UTC"))
    earlier = rolling_origin(
        data.inputs, data.label, asked_at, asked_at + pd.Timedelta(hours=1), recipe, 1, TASK
    )
    assert all(origin["roc_auc"] > 0.5 for origin in earlier["origins"])
    own = trained.model[-1]
    grown = own.booster_.num_trees() if make is _light else own.get_booster().num_boosted_rounds()
    assert grown == trained.iterations or not refit
    asked = awkward(INPUTS, 500, 6)
    theirs, ours = (
        answers(trained.model, INPUTS.prepare(asked)),
        onnx_answers(export(trained.model, INPUTS), INPUTS, asked),
    )
    assert largest_difference(theirs, ours) < LIMIT


def test_a_growth_that_is_never_beaten_ran_out_of_rounds():
    recipe = Recipe(
        INPUTS, lambda seed: _pipeline(_extreme(n_estimators=3, early_stopping_rounds=50)), _twin, (), "short"
    )
    frame = invented(INPUTS, 600, 5).assign(sprint=np.repeat(["S1", "S2"], 300))
    frame["question_id"] = [f"q{n:04d}" for n in range(600)]
    labels = frame[["question_id", "sprint"]].assign(label=answers_for(frame, INPUTS, TWO, 5))
    data = training_set(frame, labels, sprints=["S1", "S2"], judged="S3", recipe=recipe)
    trained = train(data, recipe=recipe, seed=1, budget_seconds=60)
    assert (trained.stopped, trained.iterations) == ("budget", 3)
