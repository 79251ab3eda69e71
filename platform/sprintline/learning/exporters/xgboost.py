"""XGBoost in pipelines of scikit-learn, as ONNX."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sprintline.learning.exporters import sklearn as pipelines
from sprintline.learning.exporters._tables import Refusal, Refused, Supported, refused_parts
from sprintline.learning.recipes import Inputs

LIBRARY = "xgboost"

# Read in the locked version: a Booster is rebuilt from its own binary form, which holds numbers and runs no code.
TYPES = (
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)

OPSETS = {"": 21, "ai.onnx.ml": 3}
"""The newest that onnxmltools 1.16.0 writes."""

_CLASSES = ("XGBClassifier", "XGBRegressor")

SUPPORTED = (
    Supported(
        _CLASSES,
        "yes or no, classes, number, count, quantile",
        "takes nulls; early stopping on the last training sprint by early_stopping_rounds",
    ),
)

REFUSED = (
    Refused(_CLASSES, "this booster has no export", 'use booster="gbtree"', "booster", ("dart", "gblinear")),
    Refused(
        _CLASSES,
        "forests of boosted trees have no export",
        "use num_parallel_tree=1, or a RandomForest of scikit-learn",
        "num_parallel_tree",
        (),
        (None, 1),
    ),
    Refused(
        ("XGBRFClassifier", "XGBRFRegressor"), "forests have no export", "use a RandomForest of scikit-learn"
    ),
    Refused(
        _CLASSES,
        "several quantiles of one model are exported wrongly, by 6 standard deviations",
        "use a model per quantile, each with one number",
        "quantile_alpha",
        (list, tuple),
    ),
)


def refuse(pipeline: Any) -> Iterator[Refusal]:
    """What of a pipeline, fitted or not, is not served exactly."""
    yield from refused_parts(pipeline, LIBRARY, REFUSED)


def export(pipeline: Any, inputs: Inputs) -> bytes:
    """As the exporter of scikit-learn, for pipelines that end in XGBoost or contain it."""
    _register()
    return pipelines.export(pipeline, inputs, OPSETS)


@cache
def _register() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
    from xgboost import XGBClassifier, XGBRegressor

    update_registered_converter(
        XGBClassifier,
        "XGBoostXGBClassifier",
        calculate_linear_classifier_output_shapes,
        convert_xgboost,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
    update_registered_converter(
        XGBRegressor, "XGBoostXGBRegressor", calculate_linear_regressor_output_shapes, convert_xgboost
    )
