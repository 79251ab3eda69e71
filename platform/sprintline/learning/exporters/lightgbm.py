"""LightGBM in pipelines of scikit-learn, as ONNX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import Any

import numpy as np

from sprintline.learning.exporters import sklearn as pipelines
from sprintline.learning.exporters._converters import floor32
from sprintline.learning.exporters._tables import (
    Refusal,
    Refused,
    Supported,
    library_of,
    parts,
    refused_parts,
)
from sprintline.learning.recipes import Inputs

LIBRARY = "lightgbm"

# Read in the locked version: a Booster is rebuilt from its text, which holds numbers and runs no code.
TYPES = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
)

OPSETS = {"": 21, "ai.onnx.ml": 3}
"""The newest that onnxmltools 1.16.0 writes."""

_CLASSES = ("LGBMClassifier", "LGBMRegressor")

SUPPORTED = (
    Supported(
        _CLASSES,
        "yes or no, classes, number, count, quantile",
        "takes nulls; native categories by categorical_feature; early stopping on the last training sprint by "
        "early_stopping_round",
    ),
)

REFUSED = (
    Refused(
        _CLASSES,
        "averages of trees are exported wrongly, by up to 0.84",
        'use boosting_type="gbdt", or a RandomForest of scikit-learn',
        "boosting_type",
        ("rf",),
    ),
    Refused(
        _CLASSES,
        "one model per class is exported wrongly, by up to 0.5",
        'use objective="multiclass"',
        "objective",
        ("multiclassova", "multiclass_ova", "ova", "ovr"),
    ),
    Refused(
        _CLASSES,
        "zeros that count as nulls are exported wrongly, by up to 0.79",
        "leave it out and make them null in the feature's SQL",
        "zero_as_missing",
        (True,),
    ),
    Refused(
        _CLASSES, "lines in the leaves are not exported, wrong by 1e4", "leave it out", "linear_tree", (True,)
    ),
)


def refuse(pipeline: Any) -> Iterator[Refusal]:
    """What of a pipeline, fitted or not, is not served exactly."""
    yield from refused_parts(pipeline, LIBRARY, REFUSED)
    for step, part in parts(pipeline):
        inner = part.get_params(deep=False).get("estimator")
        if type(part).__name__ == "CalibratedClassifierCV" and library_of(inner) == LIBRARY:
            yield Refusal(
                step,
                "CalibratedClassifierCV",
                f"estimator={type(inner).__name__}",
                "it calibrates scores that the export does not have, wrong by 0.3",
                "leave it out, LightGBM itself is fitted to the log loss, or calibrate a HistGradientBoosting",
            )
    if any(library_of(part) == LIBRARY for _, part in parts(pipeline[-1])):
        yield from pipelines.behind_scalers(pipeline)


def export(pipeline: Any, inputs: Inputs) -> bytes:
    """As the exporter of scikit-learn, for pipelines that end in LightGBM or contain it."""
    _register()
    return pipelines.export(pipeline, inputs, OPSETS)


@cache
def _register() -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters import LightGbm
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    LightGbm.dump_booster_model = _with_exact_splits(LightGbm.dump_booster_model)
    update_registered_converter(
        LGBMClassifier,
        "LightGbmLGBMClassifier",
        calculate_linear_classifier_output_shapes,
        LightGbm.convert_lightgbm,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
    update_registered_converter(
        LGBMRegressor,
        "LightGbmLGBMRegressor",
        calculate_linear_regressor_output_shapes,
        LightGbm.convert_lightgbm,
        options={"split": None},
    )


def _with_exact_splits(dump: Callable[..., Any]) -> Callable[..., Any]:
    """A booster's trees with thresholds rounded down to float32, and nulls on the side on which LightGBM puts them."""

    @wraps(dump)
    def dumped(*args: Any, **named: Any) -> Any:
        booster, info = dump(*args, **named)
        for nodes in info["decision_nodes"]:
            for node in nodes:
                if node["decision_type"] == "<=":
                    threshold = float(node["threshold"])
                    node["threshold"] = float(floor32(np.array([threshold]))[0])
                    if node["missing_type"] == "None":
                        node["default_left"] = threshold >= 0  # a null where training had none counts as 0
        return booster, info

    return dumped
