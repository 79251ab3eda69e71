"""Every estimator and every step that is published as supported answers in ONNX what it answers in scikit-learn."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from sprintline.learning.exporters import (
    _converters,
    asked_types,
    export,
    exporters,
    refusals,
    reviewed_types,
)
from sprintline.learning.exporters._tables import parts
from sprintline.learning.parity import answers, largest_difference, onnx_answers
from sprintline.learning.recipes import Inputs
from sprintline.learning.synthetic_rows import answers_for, awkward, invented

INPUTS = Inputs(("swell", "pressure", "hour", "amount", "step"), ("carrier", "dest", "kind"))
NUMBERS, TEXTS = [0, 1, 2, 3, 4], [5, 6, 7]
FITTED, ASKED, LIMIT = 400, 2_500, 1e-5
TWO, FOUR, NUMBER, COUNT = "two classes", "four classes", "number", "count"


def _ordinal(**more):
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, **more)


def _columns(numbers, texts):
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("texts", texts, TEXTS)], sparse_threshold=0)


def _filled(*more, **named):
    return make_pipeline(SimpleImputer(strategy="median", **named), *more)


def _one_hot(**more):
    return OneHotEncoder(**{"handle_unknown": "ignore", **more})


STEPS = {
    "nulls": lambda: _columns("passthrough", _ordinal()),
    "scaled nulls": lambda: _columns(StandardScaler(), _ordinal(dtype="float32")),
    "scaled behind codes": lambda: make_pipeline(_columns("passthrough", _ordinal()), StandardScaler()),
    "robust behind codes": lambda: make_pipeline(_columns(RobustScaler(), _ordinal()), MinMaxScaler()),
    "scaled to one": lambda: _columns(make_pipeline(MinMaxScaler(clip=True), MaxAbsScaler()), _ordinal()),
    "filled": lambda: _columns(_filled(), _one_hot()),
    "filled and scaled": lambda: _columns(_filled(StandardScaler()), _one_hot(drop="if_binary")),
    "with indicator": lambda: _columns(_filled(StandardScaler(), add_indicator=True), _one_hot()),
    "rare codes": lambda: _columns("passthrough", _ordinal(min_frequency=0.03)),
    "most common codes": lambda: _columns("passthrough", _ordinal(max_categories=5)),
    "rare columns": lambda: _columns(
        _filled(), _one_hot(handle_unknown="infrequent_if_exist", min_frequency=12)
    ),
    "most common columns": lambda: _columns(_filled(), _one_hot(max_categories=6)),
    "numbers as categories": lambda: ColumnTransformer(
        [
            ("hours", _ordinal(max_categories=9), ["hour"]),
            ("steps", _one_hot(sparse_output=False), ["step"]),
            ("amounts", _ordinal(), [0]),
            ("texts", _ordinal(), TEXTS),
        ]
    ),
    "unknown is null": lambda: _columns(
        "passthrough", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    ),
    "by name": lambda: ColumnTransformer(
        [("texts", _ordinal(), list(INPUTS.categorical)), ("few", "passthrough", ["hour", "swell"])],
    ),
    "by type": lambda: ColumnTransformer(
        [("texts", _ordinal(), make_column_selector(dtype_include=object))], remainder="passthrough"
    ),
    "target": lambda: _columns(RobustScaler(), TargetEncoder(random_state=0)),
    "bins": lambda: _columns(_filled(KBinsDiscretizer(8, encode="ordinal")), _ordinal()),
    "powers": lambda: _columns(_filled(StandardScaler(), PolynomialFeatures(2)), _one_hot()),
    "union": lambda: _columns(
        FeatureUnion([("filled", _filled()), ("bins", _filled(KBinsDiscretizer(4, encode="ordinal")))]),
        _ordinal(),
    ),
}
"""Preprocessing by a name."""


def _trees(kind, count=12, **more):
    return kind(n_estimators=count, random_state=0, **more)


def _boosted(kind=HistGradientBoostingClassifier, **more):
    return kind(max_iter=15, min_samples_leaf=5, random_state=0, **more)


BOOSTED_NUMBER = HistGradientBoostingRegressor
WITH_NULLS = {
    "boosted trees": (TWO, _boosted()),
    "boosted trees, classes": (FOUR, _boosted()),
    "boosted trees, number": (NUMBER, _boosted(BOOSTED_NUMBER)),
    "boosted trees, absolute": (NUMBER, _boosted(BOOSTED_NUMBER, loss="absolute_error")),
    "boosted trees, quantile": (NUMBER, _boosted(BOOSTED_NUMBER, loss="quantile", quantile=0.9)),
    "boosted trees, count": (COUNT, _boosted(BOOSTED_NUMBER, loss="poisson")),
    "boosted trees, gamma": (NUMBER, _boosted(BOOSTED_NUMBER, loss="gamma")),
    "forest": (TWO, _trees(RandomForestClassifier)),
    "forest, classes": (FOUR, _trees(RandomForestClassifier)),
    "forest, number": (NUMBER, _trees(RandomForestRegressor)),
    "extra trees": (TWO, _trees(ExtraTreesClassifier)),
    "extra trees, number": (NUMBER, _trees(ExtraTreesRegressor)),
    "tree": (TWO, DecisionTreeClassifier(random_state=0)),
    "tree, number": (NUMBER, DecisionTreeRegressor(random_state=0)),
    "bagging": (TWO, _trees(BaggingClassifier, 5)),
    "bagging, number": (NUMBER, _trees(BaggingRegressor, 5)),
    "calibrated": (TWO, CalibratedClassifierCV(_boosted(), method="sigmoid", cv=3)),
    "calibrated forest, classes": (
        FOUR,
        CalibratedClassifierCV(_trees(RandomForestClassifier, 5), method="sigmoid", cv=3),
    ),
    "voting": (
        TWO,
        VotingClassifier(
            [("one", _boosted()), ("two", _trees(RandomForestClassifier, 5))],
            voting="soft",
        ),
    ),
    "voting, number": (
        NUMBER,
        VotingRegressor([("one", _boosted(BOOSTED_NUMBER)), ("two", _trees(RandomForestRegressor, 5))]),
    ),
    "stacking": (
        TWO,
        StackingClassifier([("one", _boosted()), ("two", _trees(RandomForestClassifier, 5))], cv=3),
    ),
    "stacking, number": (
        NUMBER,
        StackingRegressor(
            [("one", _boosted(BOOSTED_NUMBER)), ("two", _trees(RandomForestRegressor, 5))], cv=3
        ),
    ),
}
"""Estimators that take nulls, with what they answer."""

WITHOUT_NULLS = {
    "gradient boosting": (TWO, _trees(GradientBoostingClassifier)),
    "gradient boosting, classes": (FOUR, _trees(GradientBoostingClassifier, 6)),
    "gradient boosting, number": (NUMBER, _trees(GradientBoostingRegressor)),
    "gradient boosting, quantile": (NUMBER, _trees(GradientBoostingRegressor, loss="quantile", alpha=0.8)),
    "adaptive boosting": (TWO, _trees(AdaBoostClassifier, 6)),
    "adaptive boosting, number": (NUMBER, _trees(AdaBoostRegressor, 6)),
    "logistic": (TWO, LogisticRegression(max_iter=300)),
    "logistic, classes": (FOUR, LogisticRegression(max_iter=300)),
    "stochastic gradient": (TWO, SGDClassifier(loss="log_loss", random_state=0)),
    "stochastic gradient, classes": (FOUR, SGDClassifier(loss="log_loss", random_state=0)),
    "stochastic gradient, number": (NUMBER, SGDRegressor(random_state=0)),
    "discriminant": (TWO, LinearDiscriminantAnalysis()),
    "discriminant, classes": (FOUR, LinearDiscriminantAnalysis()),
    "naive Bayes": (TWO, GaussianNB()),
    "naive Bayes, classes": (FOUR, GaussianNB()),
    "ridge": (NUMBER, Ridge()),
    "least squares": (NUMBER, LinearRegression()),
    "lasso": (NUMBER, Lasso(0.01)),
    "elastic net": (NUMBER, ElasticNet(0.01)),
    "Bayesian ridge": (NUMBER, BayesianRidge()),
    "Huber": (NUMBER, HuberRegressor(max_iter=300)),
    "Theil-Sen": (NUMBER, TheilSenRegressor(max_subpopulation=50, max_iter=20, random_state=0)),
    "quantile": (NUMBER, QuantileRegressor(quantile=0.8, alpha=0.01)),
    "Poisson": (COUNT, PoissonRegressor()),
    "Tweedie": (COUNT, TweedieRegressor(power=1.5)),
    "gamma": (NUMBER, GammaRegressor()),
    "network": (TWO, MLPClassifier((8,), max_iter=20, random_state=0)),
    "network, classes": (FOUR, MLPClassifier((8,), max_iter=20, random_state=0)),
    "network, number": (NUMBER, MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, random_state=0)),
    "support vectors, number": (NUMBER, SVR()),
    "neighbours": (TWO, KNeighborsClassifier()),
    "neighbours, number": (NUMBER, KNeighborsRegressor()),
    "calibrated support vectors": (TWO, CalibratedClassifierCV(SVC(), method="sigmoid", cv=3)),
    "stacked with a line": (
        TWO,
        StackingClassifier(
            [
                ("line", make_pipeline(StandardScaler(), LogisticRegression())),
                ("trees", _trees(RandomForestClassifier, 5)),
            ],
            cv=3,
        ),
    ),
}
"""Estimators that refuse nulls: their numbers are filled first."""

TAKE_NULLS = ("nulls", "scaled nulls")
NO_NULLS = ("filled", "with indicator")
# Trees flip at the smallest difference of what is before them.
TREES = {
    TWO: DecisionTreeClassifier(random_state=0),
    NUMBER: BOOSTED_NUMBER(max_iter=15, min_samples_leaf=3, random_state=0),
}
COMBINATIONS = [
    *((name, steps, *one) for name, one in WITH_NULLS.items() for steps in TAKE_NULLS),
    *((name, steps, *one) for name, one in WITHOUT_NULLS.items() for steps in NO_NULLS),
    *(
        ("trees", steps, kind, one)
        for kind, one in TREES.items()
        for steps in STEPS
        # Boosted trees compare float64 behind a scaler; ONNX has float32 only, so they are refused there.
        if kind == TWO or "behind" not in steps
    ),
]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def rows():
    """Rows to fit on, and rows to ask: awkward ones, other usual ones, and the fitted ones."""
    fitted = invented(INPUTS, FITTED, 1)
    return fitted, pd.concat([awkward(INPUTS, ASKED - 500, 2), invented(INPUTS, 500, 3), fitted])


@pytest.fixture(scope="module")
def labels(rows):
    return {kind: answers_for(rows[0], INPUTS, kind, 1) for kind in (TWO, FOUR, NUMBER, COUNT)}


def difference(steps, estimator, kind, rows, labels):
    fitted, asked = rows
    pipeline = Pipeline([("columns", steps), ("model", estimator)])
    pipeline.fit(INPUTS.prepare(fitted), labels[kind])
    spread = None if is_classifier(estimator) else float(labels[kind].std())
    assert asked_types(pipeline) <= reviewed_types()
    theirs = answers(pipeline, INPUTS.prepare(asked))
    return largest_difference(theirs, onnx_answers(export(pipeline, INPUTS), INPUTS, asked), spread)


@pytest.mark.parametrize(
    ("steps", "kind", "estimator"),
    [one[1:] for one in COMBINATIONS],
    ids=[f"{name}, {steps}, {kind}" for name, steps, kind, _ in COMBINATIONS],
)
def test_an_export_answers_as_scikit_learn(steps, kind, estimator, rows, labels):
    assert difference(STEPS[steps](), estimator, kind, rows, labels) < LIMIT


def test_what_is_published_is_compared_and_what_is_compared_is_not_refused():
    compared = set()
    for name, steps, _, estimator in COMBINATIONS:
        # Not fitted, as a recipe builds it, whatever ran before.
        pipeline = Pipeline([("columns", STEPS[steps]()), ("model", clone(estimator))])
        assert not refusals(pipeline), name
        compared |= {type(part).__name__ for _, part in parts(pipeline)}
    published = {name for one in exporters()["sklearn"].SUPPORTED for name in one.names}
    assert published <= compared
    assert compared - published <= {"make_column_selector"}


@pytest.mark.fault
def test_a_stack_whose_last_estimator_has_no_probabilities_is_refused():
    from sklearn.ensemble import StackingClassifier
    from sklearn.linear_model import RidgeClassifier

    parts_of_it = [("tree", DecisionTreeClassifier(max_depth=2))]
    for last, refused in ((None, False), (RidgeClassifier(), True)):
        stack = StackingClassifier(parts_of_it, final_estimator=last)
        found = refusals(Pipeline([("columns", STEPS["filled"]()), ("model", stack)]))
        assert any(one.reason == "it has no probabilities" for one in found) == refused


@pytest.mark.fault
@pytest.mark.parametrize(
    ("correction", "steps", "kind", "estimator"),
    [
        ("add_tree_to_attribute_pairs", "nulls", *WITH_NULLS["forest"]),
        ("add_tree_to_attribute_pairs_hist_gradient_boosting", "nulls", NUMBER, TREES[NUMBER]),
        ("SklearnHistGradientBoostingRegressor", "nulls", *WITH_NULLS["boosted trees, count"]),
        ("SklearnOrdinalEncoder", "rare codes", TWO, TREES[TWO]),
        ("SklearnLinearClassifier", "filled and scaled", *WITHOUT_NULLS["discriminant"]),
        ("_steps", "scaled nulls", NUMBER, DecisionTreeRegressor(random_state=0)),
    ],
)
def test_without_its_correction_an_export_differs(
    correction, steps, kind, estimator, rows, labels, monkeypatch
):
    """The comparison above can fail: skl2onnx as it is answers otherwise."""
    from skl2onnx.common._registration import _converter_pool
    from skl2onnx.operator_converters import random_forest

    _converters.correct()
    if correction in _converter_pool:
        one = _converter_pool[correction]
        monkeypatch.setattr(one, "_fct", one._fct.__wrapped__)
    elif correction == "_steps":  # a multiplication where scikit-learn divides
        monkeypatch.setattr(
            _converters, correction, lambda one, _: [("Sub", one.mean_), ("Mul", 1 / one.scale_)]
        )
    else:
        monkeypatch.setattr(random_forest, correction, getattr(random_forest, correction).__wrapped__)
    assert difference(STEPS[steps](), estimator, kind, rows, labels) > 100 * LIMIT


def test_the_same_pipeline_gives_the_same_bytes(rows, labels):
    frame = INPUTS.prepare(rows[0])
    pipeline = Pipeline([("columns", STEPS["by name"]()), ("model", TREES[NUMBER])])
    pipeline.fit(frame, labels[NUMBER])
    before = pipeline.predict(frame)
    assert export(pipeline, INPUTS) == export(pipeline, INPUTS)
    assert (pipeline.predict(frame) == before).all(), "the pipeline itself is left as it was"


def test_a_difference_of_numbers_is_one_of_their_size():
    theirs, ours = np.array([[1e6], [0.5], [np.inf]]), np.array([[1e6 + 1], [0.5], [np.inf]])
    assert largest_difference(theirs, ours, 2.0) == pytest.approx(1e-6)
    assert largest_difference(theirs, ours) == 1.0, "probabilities count as they are"
    assert largest_difference(theirs[:2] * 0, ours[:2] * 0 + 1, 0.0) > 1, "a constant target has no spread"
    assert largest_difference(theirs, np.where(theirs == 0.5, np.nan, theirs), 2.0) == np.inf
    assert largest_difference(theirs, ours[:1], 2.0) == np.inf


@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e30, -7.3, 512 + 2.0**-15, np.inf, 0.0])
def test_thresholds_are_rounded_to_where_no_input_lies_between(number):
    below, near = float(_converters.floor32(np.array([number]))[0]), np.float32(number)
    assert below <= number and np.float32(below) == below
    assert number == np.inf or float(np.nextafter(np.float32(below), np.float32(np.inf))) > number
    middle = number in (512 + 2.0**-15,)
    assert float(_converters.nearest32(np.array([number]))[0]) == (below if middle else near)
