"""scikit-learn pipelines as ONNX."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

from sprintline.learning.recipes import Inputs

LIBRARY = "sklearn"

TYPES = (
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)

IN_DOUBLE = frozenset(
    [
        "BayesianRidge",
        "ElasticNet",
        "GammaRegressor",
        "GaussianNB",
        "HuberRegressor",
        "KNeighborsClassifier",
        "KNeighborsRegressor",
        "Lasso",
        "LinearDiscriminantAnalysis",
        "LinearRegression",
        "LogisticRegression",
        "MLPClassifier",
        "MLPRegressor",
        "PoissonRegressor",
        "QuantileRegressor",
        "Ridge",
        "SGDClassifier",
        "SGDRegressor",
        "TheilSenRegressor",
        "TweedieRegressor",
    ]
)
"""Estimators that scikit-learn computes in float64 where ONNX would in float32."""


def export(pipeline: Any, inputs: Inputs) -> bytes:
    """The pipeline as ONNX, with the inputs `numeric` (n, numbers; float32) and `categorical` (n, categories; text).

    A classifier has the outputs `label` and `probabilities` (n, classes), a regressor the output `variable` (n, 1);
    both are float32 or float64. The same pipeline gives the same bytes. Raises what skl2onnx raises for a step that it
    cannot convert.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.base import is_classifier

    from sprintline.learning.exporters._converters import GIVEN, correct

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
    model = to_onnx(exact, initial_types=types, options=options)
    return bytes(model.SerializeToString())


def by_position(step: Any) -> Any:
    """A copy whose column transformers name columns by position: ONNX has no names for the columns of an input."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    if isinstance(step, Pipeline):
        found = copy.copy(step)
        found.steps = [(name, by_position(one)) for name, one in step.steps]
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

    if type(pipeline[-1]).__name__ not in IN_DOUBLE or len(pipeline) == 1:
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

    from sprintline.learning.exporters._converters import DTYPES, SCALERS

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
