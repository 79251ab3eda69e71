"""scikit-learn pipelines as ONNX."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

from sprintline.learning.exporters._converters import DTYPES, GIVEN, SCALERS, correct
from sprintline.learning.exporters._tables import (
    Refusal,
    Refused,
    Supported,
    library_of,
    parts,
    refused_parts,
)
from sprintline.learning.recipes import Inputs

LIBRARY = "sklearn"

# Read in the locked version: objects of attributes, without code of their own that runs when they are loaded.
# `builtins.object` and `numpy.dtype` are what a column selector and a SimpleImputer name as types of columns.
TYPES = (
    "builtins.object",
    "numpy.dtype",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sprintline.learning.quantiles.PerQuantile",
)

_YES_NO, _CLASSES, _NUMBER, _COUNT, _QUANTILE = "yes or no", "classes", "number", "count", "quantile"
_ALL = f"{_YES_NO}, {_CLASSES}, {_NUMBER}"

SUPPORTED = (
    Supported(
        ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
        f"{_ALL}, {_COUNT}, {_QUANTILE}",
        "takes nulls; early stopping on the last training sprint",
    ),
    Supported(
        ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"),
        _ALL,
        "takes nulls",
    ),
    Supported(
        ("DecisionTreeClassifier", "DecisionTreeRegressor", "BaggingClassifier", "BaggingRegressor"),
        _ALL,
        "takes nulls",
    ),
    Supported(
        ("GradientBoostingClassifier", "GradientBoostingRegressor"),
        f"{_ALL}, {_QUANTILE}",
        "needs an imputer",
    ),
    Supported(("AdaBoostClassifier", "AdaBoostRegressor"), _ALL, "needs an imputer"),
    Supported(
        ("LogisticRegression", "LinearDiscriminantAnalysis"), f"{_YES_NO}, {_CLASSES}", "needs an imputer"
    ),
    Supported(("SGDClassifier",), f"{_YES_NO}, {_CLASSES}", 'with loss="log_loss"; needs an imputer'),
    Supported(("GaussianNB",), f"{_YES_NO}, {_CLASSES}", "needs an imputer"),
    Supported(
        (
            "LinearRegression",
            "Ridge",
            "Lasso",
            "ElasticNet",
            "BayesianRidge",
            "HuberRegressor",
            "TheilSenRegressor",
            "SGDRegressor",
        ),
        _NUMBER,
        "needs an imputer",
    ),
    Supported(("QuantileRegressor",), _QUANTILE, "needs an imputer"),
    Supported(
        ("PoissonRegressor", "TweedieRegressor", "GammaRegressor"), f"{_COUNT}, {_NUMBER}", "needs an imputer"
    ),
    Supported(("MLPClassifier", "MLPRegressor"), _ALL, "needs an imputer; scale the numbers"),
    Supported(("SVC", "SVR"), f"{_YES_NO}, {_NUMBER}", "needs an imputer; SVC inside CalibratedClassifierCV"),
    Supported(
        ("KNeighborsClassifier", "KNeighborsRegressor"),
        f"{_YES_NO}, {_NUMBER}",
        "needs an imputer; its file contains the training rows",
    ),
    Supported(("CalibratedClassifierCV",), f"{_YES_NO}, {_CLASSES}", 'with method="sigmoid"'),
    Supported(("VotingClassifier", "VotingRegressor"), f"{_YES_NO}, {_NUMBER}", 'with voting="soft"'),
    Supported(("StackingClassifier", "StackingRegressor"), f"{_YES_NO}, {_NUMBER}"),
    Supported(
        ("Pipeline", "ColumnTransformer", "FeatureUnion"), note="columns by name, position or selector"
    ),
    Supported(("SimpleImputer",), note="with or without add_indicator"),
    Supported(
        ("OrdinalEncoder",),
        note="with unknown_value -1 or NaN; min_frequency and max_categories too",
    ),
    Supported(("OneHotEncoder",), note="drop, min_frequency and max_categories too"),
    Supported(("TargetEncoder",), note="for two classes or a number with fractions"),
    Supported(("StandardScaler", "RobustScaler", "MinMaxScaler", "MaxAbsScaler")),
    Supported(("KBinsDiscretizer", "PolynomialFeatures")),
)

_PROBABLE = {"VotingClassifier": 'use voting="soft"', "SGDClassifier": 'use loss="log_loss"'}

_HIST = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")

REFUSED = (
    Refused(
        _HIST,
        "native categories are exported as numbers, wrong by up to 0.99",
        "put an OrdinalEncoder or a TargetEncoder before it",
        "categorical_features",
    ),
    Refused(
        ("CalibratedClassifierCV",),
        "steps are exported without what is between them, wrong by 0.06",
        'use method="sigmoid"',
        "method",
        ("isotonic",),
    ),
    Refused(
        ("CalibratedClassifierCV",),
        "this method has no export",
        'use method="sigmoid"',
        "method",
        ("temperature",),
    ),
    Refused(
        ("KNeighborsClassifier", "KNeighborsRegressor"),
        "weighted neighbours are exported wrongly, by up to 0.93",
        'use weights="uniform"',
        "weights",
    ),
    Refused(
        ("OrdinalEncoder",),
        "a category that training did not have stops every answer",
        'use handle_unknown="use_encoded_value", unknown_value=-1',
        "handle_unknown",
        ("error",),
    ),
    Refused(
        ("OneHotEncoder",),
        "a category that training did not have stops every answer",
        'use handle_unknown="ignore"',
        "handle_unknown",
        ("error",),
    ),
    Refused(
        ("TargetEncoder",),
        "encodings per class have no export",
        "use a OneHotEncoder or an OrdinalEncoder",
        "target_type",
        ("multiclass",),
    ),
    Refused(("SplineTransformer",), "it has no export", "use a KBinsDiscretizer"),
    Refused(
        ("FunctionTransformer",),
        "Python code has no export",
        "compute the column in the feature's SQL",
        "func",
    ),
    Refused(
        ("PowerTransformer",),
        "powers in float32 are wrong by 1e-4",
        "use a RobustScaler, or take the logarithm in the feature's SQL",
    ),
    Refused(
        ("QuantileTransformer",),
        "it is wrong by up to 6e-3 where numbers repeat",
        "use a RobustScaler or a KBinsDiscretizer",
    ),
    Refused(
        ("TransformedTargetRegressor",),
        "it has no export",
        'use a loss for such numbers, like HistGradientBoostingRegressor(loss="gamma"), or compute the target in SQL',
    ),
)

_LINES = frozenset(
    {"BayesianRidge", "ElasticNet", "GammaRegressor", "HuberRegressor", "Lasso", "LinearRegression"}
)
_MORE_LINES = frozenset(
    {"LogisticRegression", "PoissonRegressor", "QuantileRegressor", "Ridge", "SGDClassifier"}
)
_OTHERS = frozenset(
    {"GaussianNB", "LinearDiscriminantAnalysis", "MLPClassifier", "MLPRegressor", "SGDRegressor"}
)
_NEAR = frozenset({"KNeighborsClassifier", "KNeighborsRegressor", "TheilSenRegressor", "TweedieRegressor"})
IN_DOUBLE = _LINES | _MORE_LINES | _OTHERS | _NEAR
"""Estimators that scikit-learn computes in float64 where ONNX would in float32."""


def refuse(pipeline: Any) -> Iterator[Refusal]:
    """What of a pipeline, fitted or not, is not served exactly."""
    yield from refused_parts(pipeline, LIBRARY, REFUSED)
    last = pipeline[-1]
    from sklearn.base import is_classifier

    if library_of(last) == LIBRARY and is_classifier(last) and not _tells_probabilities(last):
        yield Refusal(
            pipeline.steps[-1][0],
            type(last).__name__,
            "",
            "it has no probabilities",
            _PROBABLE.get(type(last).__name__, 'put it into CalibratedClassifierCV(..., method="sigmoid")'),
        )
    if any(type(part).__name__ in _HIST for _, part in parts(last)):
        yield from behind_scalers(pipeline)


def _tells_probabilities(last: Any) -> bool:
    """Whether a classifier has probabilities. A stack that is not fitted yet leaves that to its last estimator."""
    if type(last).__name__ == "StackingClassifier":
        return last.final_estimator is None or _tells_probabilities(last.final_estimator)
    return hasattr(last, "predict_proba")


def behind_scalers(pipeline: Any) -> Iterator[Refusal]:
    """Scalers of encoded columns before boosted trees, which compare the float64 they give; ONNX has float32."""
    for name, step in pipeline.steps[1:-1]:
        if type(step).__name__ in SCALERS:
            yield Refusal(
                name,
                type(step).__name__,
                "",
                "boosted trees behind a scaler of encoded columns compare float64, ONNX has float32",
                "leave it out, trees need no scaling, or put it into the ColumnTransformer for the numbers alone",
            )


def export(pipeline: Any, inputs: Inputs, opsets: dict[str, int] | None = None) -> bytes:
    """The pipeline as ONNX, with the inputs `numeric` (n, numbers; float32) and `categorical` (n, categories; text).

    A classifier has the outputs `label` and `probabilities` (n, classes), a regressor the output `variable` (n, 1);
    both are float32 or float64. The same pipeline gives the same bytes. opsets: versions of ONNX to write, because
    converters of other libraries may know older ones only. Raises what skl2onnx raises for a step without a converter.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.base import is_classifier

    correct()
    types = []
    if inputs.numeric:
        types.append(("numeric", FloatTensorType([None, len(inputs.numeric)])))
    if inputs.categorical:
        types.append(("categorical", StringTensorType([None, len(inputs.categorical)])))
    exact = in_double(by_position(pipeline))
    options: dict[int, dict[str, Any]] = {
        place: {GIVEN: dtype} for place, dtype in given_to_scalers(pipeline, inputs).items()
    }
    if is_classifier(exact):
        options[id(exact)] = {"zipmap": False}
    model = to_onnx(exact, initial_types=types, options=options, target_opset=opsets)
    return bytes(model.SerializeToString())


def by_position(step: Any) -> Any:
    """A copy whose column transformers name columns by position: ONNX has no names for the columns of an input."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import VotingClassifier
    from sklearn.pipeline import FeatureUnion, Pipeline

    if isinstance(step, Pipeline):
        found = copy.copy(step)
        found.steps = [(name, by_position(one)) for name, one in step.steps]
        return found
    if isinstance(step, VotingClassifier):
        found = copy.copy(step)
        found.flatten_transform = (
            False  # shapes what it transforms, which nobody asks; the converter has only this one
        )
        return found
    if isinstance(step, FeatureUnion):
        found = copy.copy(step)
        found.transformer_list = [(name, by_position(one)) for name, one in step.transformer_list]
        return found
    if isinstance(step, ColumnTransformer):
        found = copy.copy(step)
        places = step._transformer_to_input_indices
        found.transformers_ = [
            (name, by_position(one), list(places[name])) for name, one, _ in step.transformers_
        ]
        return found
    return step


def in_double(pipeline: Any) -> Any:
    """A copy that casts to float64 before an estimator that scikit-learn computes in it."""
    from skl2onnx.sklapi import CastTransformer
    from sklearn.pipeline import Pipeline

    last = pipeline[-1]
    one = last.estimator if type(last).__name__ == "PerQuantile" else last
    if type(one).__name__ not in IN_DOUBLE or len(pipeline) == 1:
        return pipeline
    import numpy as np

    return Pipeline(
        [*pipeline.steps[:-1], ("float64", CastTransformer(dtype=np.float64)), pipeline.steps[-1]]
    )


def given_to_scalers(pipeline: Any, inputs: Inputs) -> dict[int, str]:
    """The type of the numbers that each scaler of a fitted pipeline is given, by the scaler's id.

    scikit-learn scales float32 in float32 and rounds it on the way, float64 (behind an encoder) not; trees behind a
    scaler answer otherwise where that differs.
    """
    import numpy as np
    import pandas as pd

    found: dict[int, str] = {}
    rows = {name: np.zeros(2) for name in inputs.numeric} | {name: ["", ""] for name in inputs.categorical}
    with contextlib.suppress(ValueError):  # a step that cannot answer such rows: parity reports it
        _walk(pipeline, inputs.prepare(pd.DataFrame(rows)), found)
    return found


def _walk(step: Any, rows: Any, found: dict[int, str]) -> None:
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    if isinstance(step, Pipeline):
        for _, one in step.steps[:-1]:
            _walk(one, rows, found)
            rows = one.transform(rows)
        _walk(step[-1], rows, found)
    elif isinstance(step, ColumnTransformer):
        for name, one, _ in step.transformers_:
            _walk(one, rows.iloc[:, list(step._transformer_to_input_indices[name])], found)
    elif isinstance(step, FeatureUnion):
        for _, one in step.transformer_list:
            _walk(one, rows, found)
    elif type(step).__name__ in SCALERS:
        dtype = np.asarray(rows).dtype.name
        found[id(step)] = dtype if dtype in DTYPES else "float64"
    else:
        for one in (*_listed(step, "estimators_"), *_listed(step, "calibrated_classifiers_")):
            _walk(one.estimator if type(one).__name__ == "_CalibratedClassifier" else one, rows, found)


def _listed(step: Any, name: str) -> list[Any]:
    import numpy as np

    return list(np.ravel(np.asarray(getattr(step, name, []), dtype=object)))
