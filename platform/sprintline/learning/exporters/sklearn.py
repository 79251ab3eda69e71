"""scikit-learn pipelines as ONNX."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.recipes import Inputs

LIBRARY = "sklearn"

TYPES = (
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss._loss.CyAbsoluteError",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss._loss.CyHalfPoissonLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)


def export(pipeline: Any, inputs: Inputs) -> bytes:
    """The pipeline as ONNX: inputs `numeric` (float32) and `categorical` (text); outputs `label` and `probabilities` of
    a classifier, `variable` of a regressor.

    The same pipeline gives the same bytes. Raises what skl2onnx raises for a step that it cannot convert.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = []
    if inputs.numeric:
        types.append(("numeric", FloatTensorType([None, len(inputs.numeric)])))
    if inputs.categorical:
        types.append(("categorical", StringTensorType([None, len(inputs.categorical)])))
    exact = _exact(pipeline)
    options = {id(exact): {"zipmap": False}} if hasattr(exact, "predict_proba") else None
    model = to_onnx(exact, initial_types=types, options=options)
    return bytes(model.SerializeToString())


def _exact(pipeline: Any) -> Any:
    """A copy of the pipeline that float32 thresholds describe exactly.

    Boosted trees split at float64 midpoints. skl2onnx rounds them to the nearest float32, which for half of the
    midpoints of neighbouring numbers is the upper one, and rows lying on it change sides (differences of 0.003 to 0.025
    were measured on continuous columns). Inputs are float32, so rounding down changes no answer of scikit-learn's, and
    makes the rounding of skl2onnx a no-op.
    """
    last = pipeline[-1]
    if not hasattr(last, "_predictors"):
        return pipeline
    twin = copy.deepcopy(pipeline)
    for trees in twin[-1]._predictors:
        for tree in trees:
            nodes = tree.nodes.copy()
            nodes["num_threshold"] = _floor32(nodes["num_threshold"])
            tree.nodes = nodes
    return twin


def _floor32(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest float32 not above each number, as float64."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    above = near.astype(np.float64) > thresholds
    near[above] = np.nextafter(near[above], np.float32(-np.inf))
    return near.astype(np.float64)
