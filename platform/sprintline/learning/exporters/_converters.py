"""Converters of skl2onnx, corrected where they answer otherwise than scikit-learn.

skl2onnx 1.20.0 leaves out or rounds what scikit-learn uses; `correct` replaces these parts in this process. They are
internals, so the version is pinned exactly, and tests/learning/test_exact_exports.py compares every corrected step with
scikit-learn.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALERS = {"MaxAbsScaler": "MaxAbsScaler", "MinMaxScaler": "MinMaxScaler", "RobustScaler": "RobustScaler"} | {
    "StandardScaler": "Scaler"
}
"""Scalers that are computed here, and what skl2onnx calls them."""

GIVEN = "given"
"""Option of a scaler: the type of the numbers it was given, one of `DTYPES`."""
DTYPES = ["float32", "float64"]


@cache
def correct() -> None:
    """Replace the inexact parts of skl2onnx, once a process."""
    from skl2onnx.common import _registration
    from skl2onnx.operator_converters import decision_tree, gradient_boosting, random_forest

    for module in (decision_tree, gradient_boosting, random_forest):
        module.add_tree_to_attribute_pairs = _with_exact_splits(module.add_tree_to_attribute_pairs, _splits)
    random_forest.add_tree_to_attribute_pairs_hist_gradient_boosting = _with_exact_splits(
        random_forest.add_tree_to_attribute_pairs_hist_gradient_boosting, _boosted_splits
    )
    for name, correction in (
        ("SklearnHistGradientBoostingRegressor", _with_log_link),
        ("SklearnLinearClassifier", _with_two_classes),
        ("SklearnSimpleImputer", _with_indicator),
        ("SklearnOrdinalEncoder", _with_table),
        ("SklearnOneHotEncoder", _with_table),
    ):
        registered = _registration._converter_pool[name]
        registered._fct = correction(registered._fct)
    for name in SCALERS.values():
        _registration.register_converter(f"Sklearn{name}", _scaled, overwrite=True, options={GIVEN: DTYPES})
    _several_outputs()
    shapes = _registration._shape_calculator_pool
    shapes["SklearnSimpleImputer"] = _indicator_shape(shapes["SklearnSimpleImputer"])
    shapes["SklearnOneHotEncoder"] = _one_hot_shape(shapes["SklearnOneHotEncoder"])


def _several_outputs() -> None:
    """A model per quantile is exported as scikit-learn's MultiOutputRegressor: each estimator, side by side."""
    from skl2onnx import update_registered_converter
    from skl2onnx.operator_converters.multioutput import convert_multi_output_regressor_converter
    from skl2onnx.shape_calculators.multioutput import multioutput_regressor_shape_calculator

    from sprintline.learning.quantiles import PerQuantile

    update_registered_converter(
        PerQuantile,
        "SprintlinePerQuantile",
        multioutput_regressor_shape_calculator,
        convert_multi_output_regressor_converter,
    )


def floor32(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest float32 not above each number, as float64.

    Trees compare float32 inputs with float64 thresholds. Rounded to the nearest float32, a threshold can be the next
    input itself, and rows on it change sides; rounded down, no answer changes.
    """
    with np.errstate(over="ignore"):
        near = numbers.astype(np.float32)
    above = near.astype(np.float64) > numbers
    near[above] = np.nextafter(near[above], np.float32(-np.inf))
    return near.astype(np.float64)


def nearest32(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Thresholds of boosted trees as float32, which compare inputs that may be float64 (behind a scaler).

    The middle of two neighbouring float32 has 25 bits at most and is rounded down; any other is rounded to the nearest,
    as the inputs themselves are, so that an input that is the threshold stays on its side.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        parts = np.frexp(numbers)[0] * 2.0**25
        return np.where(
            parts == np.floor(parts), floor32(numbers), numbers.astype(np.float32).astype(np.float64)
        )


# --- trees -----------------------------------------------------------------------------------------------------------


def _splits(tree: Any) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    nodes = tree.__getstate__()["nodes"]
    return floor32(nodes["threshold"]), nodes["missing_go_to_left"]


def _boosted_splits(tree: Any) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    return nearest32(tree.nodes["num_threshold"]), tree.nodes["missing_go_to_left"]


def _with_exact_splits(
    add_tree: Callable[..., None], splits: Callable[[Any], tuple[NDArray[np.float64], NDArray[np.uint8]]]
) -> Callable[..., None]:
    """Adds a tree with thresholds rounded down, and rows without a value on the side on which they were learnt."""

    @wraps(add_tree)
    def add(
        attributes: dict[str, list[Any]], is_classifier: bool, tree: Any, *args: Any, **named: Any
    ) -> None:
        begin = len(attributes["nodes_values"])
        add_tree(attributes, is_classifier, tree, *args, **named)
        thresholds, left = splits(tree)
        inner = [mode != "LEAF" for mode in attributes["nodes_modes"][begin:]]
        attributes["nodes_values"][begin:] = np.where(inner, thresholds, 0.0).tolist()
        attributes["nodes_missing_value_tracks_true"][begin:] = np.where(inner, left, 0).astype(int).tolist()

    return add


def _with_log_link(convert: Callable[..., None]) -> Callable[..., None]:
    """The losses `poisson` and `gamma` of HistGradientBoostingRegressor predict logarithms of the answer."""

    @wraps(convert)
    def converted(scope: Any, operator: Any, container: Any) -> None:
        if type(operator.raw_operator._loss.link).__name__ != "LogLink":
            convert(scope, operator, container)
            return
        logarithm, inner = _before(scope, operator)
        convert(scope, inner, container)
        container.add_node("Exp", [logarithm], [operator.outputs[0].full_name], op_version=13)

    return converted


def _with_two_classes(convert: Callable[..., None]) -> Callable[..., None]:
    """LinearDiscriminantAnalysis of two classes: skl2onnx gives softmax of (-s, s), which is the logistic of 2s."""

    @wraps(convert)
    def converted(scope: Any, operator: Any, container: Any) -> None:
        model = operator.raw_operator
        halved = type(model).__name__ == "LinearDiscriminantAnalysis" and len(model.classes_) == 2
        if halved and not container.get_options(model, {"raw_scores": False})["raw_scores"]:
            half = copy.copy(model)
            half.coef_, half.intercept_ = model.coef_ / 2, model.intercept_ / 2
            operator = _Instead(operator, raw_operator=half)
        convert(scope, operator, container)

    return converted


class _Instead:
    """An operator with some attributes replaced."""

    def __init__(self, operator: Any, **other: Any) -> None:
        self._operator = operator
        self.__dict__.update(other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operator, name)


def _before(scope: Any, operator: Any) -> tuple[str, _Instead]:
    """An operator whose output has the new name returned, so that more nodes can be put before its own output."""
    name = str(scope.get_unique_variable_name("before"))
    output = SimpleNamespace(full_name=name, onnx_name=name, type=operator.outputs[0].type)
    return name, _Instead(operator, outputs=[output], output_full_names=[name])


# --- columns ---------------------------------------------------------------------------------------------------------


def _scaled(scope: Any, operator: Any, container: Any) -> None:
    """scikit-learn's scalers step by step: computed in float64, and each step rounded as the numbers it was given."""
    from onnx import TensorProto
    from skl2onnx.common._apply_operation import apply_cast, apply_clip

    scaler = operator.raw_operator
    given = np.dtype(container.get_options(scaler, {GIVEN: "float32"})[GIVEN])
    rounded = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}[given.name]
    name = _together(scope, operator, container)

    def cast(before: str, kind: int) -> str:
        after = str(scope.get_unique_variable_name("scaled"))
        apply_cast(scope, before, after, container, to=kind)
        return after

    for step, numbers in _steps(scaler, given):
        constant, answer = (scope.get_unique_variable_name(one) for one in ("constant", "answer"))
        container.add_initializer(constant, TensorProto.DOUBLE, [len(numbers)], numbers.tolist())
        container.add_node(step, [cast(name, TensorProto.DOUBLE), constant], [answer], op_version=14)
        name = cast(answer, rounded)
    if getattr(scaler, "clip", False):
        least, most = getattr(scaler, "feature_range", (-1.0, 1.0))
        clipped = scope.get_unique_variable_name("clipped")
        limits = {"min": np.array(least, dtype=given), "max": np.array(most, dtype=given)}
        apply_clip(scope, cast(name, rounded), clipped, container, **limits)
        name = clipped
    kind = operator.outputs[0].type.to_onnx_type().tensor_type.elem_type
    apply_cast(scope, name, operator.outputs[0].full_name, container, to=kind)


def _steps(scaler: Any, given: np.dtype[Any]) -> list[tuple[str, NDArray[np.float64]]]:
    kind = type(scaler).__name__
    if kind == "StandardScaler":
        found = [("Sub", scaler.mean_ if scaler.with_mean else None), ("Div", scaler.scale_)]
        # The only one that rounds its own numbers first.
        found = [(step, None if one is None else one.astype(given)) for step, one in found]
    elif kind == "RobustScaler":
        found = [("Sub", scaler.center_), ("Div", scaler.scale_)]
    elif kind == "MinMaxScaler":
        found = [("Mul", scaler.scale_), ("Add", scaler.min_)]
    else:
        found = [("Div", scaler.scale_)]
    return [(step, np.asarray(one, dtype=np.float64)) for step, one in found if one is not None]


def _with_indicator(convert: Callable[..., None]) -> Callable[..., None]:
    """`SimpleImputer(add_indicator=True)`: a column of 0 and 1 behind the others for each that had a null."""

    @wraps(convert)
    def converted(scope: Any, operator: Any, container: Any) -> None:
        from onnx import TensorProto
        from skl2onnx.common._apply_operation import apply_cast, apply_concat

        indicator = getattr(operator.raw_operator, "indicator_", None)
        if indicator is None or not len(indicator.features_):
            convert(scope, operator, container)
            return
        filled, inner = _before(scope, operator)
        convert(scope, inner, container)
        columns = _together(scope, operator, container)
        absent, number, places, chosen = (
            scope.get_unique_variable_name(name) for name in ("absent", "number", "places", "chosen")
        )
        container.add_node("IsNaN", [columns], [absent], op_version=13)
        apply_cast(scope, absent, number, container, to=TensorProto.FLOAT)
        features = np.asarray(indicator.features_, dtype=np.int64)
        container.add_initializer(places, TensorProto.INT64, [len(features)], features.tolist())
        container.add_node("Gather", [number, places], [chosen], axis=1, op_version=13)
        apply_concat(scope, [filled, chosen], operator.outputs[0].full_name, container, axis=1)

    return converted


def _indicator_shape(calculate: Callable[[Any], None]) -> Callable[[Any], None]:
    @wraps(calculate)
    def calculated(operator: Any) -> None:
        calculate(operator)
        indicator = getattr(operator.raw_operator, "indicator_", None)
        if indicator is not None:
            rows, columns = operator.outputs[0].type.shape
            operator.outputs[0].type.shape = [rows, columns + len(indicator.features_)]

    return calculated


def _by_table(operator: Any) -> bool:
    """Whether an encoder has rare categories, or categories that are numbers: skl2onnx rounds those and loses nulls."""
    from skl2onnx.common.data_types import StringTensorType

    numbers = not isinstance(operator.inputs[0].type, StringTensorType)
    return bool(operator.raw_operator._infrequent_enabled) or numbers


def _with_table(convert: Callable[..., None]) -> Callable[..., None]:
    """Encoders whose categories are looked up in a table of what scikit-learn itself answers."""

    @wraps(convert)
    def converted(scope: Any, operator: Any, container: Any) -> None:
        if _by_table(operator):
            _looked_up(scope, operator, container, _tables(operator.raw_operator))
        else:
            convert(scope, operator, container)

    return converted


def _one_hot_shape(calculate: Callable[[Any], None]) -> Callable[[Any], None]:
    @wraps(calculate)
    def calculated(operator: Any) -> None:
        calculate(operator)
        if operator.raw_operator._infrequent_enabled:
            rows = operator.outputs[0].type.shape[0]
            operator.outputs[0].type.shape = [rows, int(sum(operator.raw_operator._n_features_outs))]

    return calculated


_NULL = float(np.finfo(np.float32).max)


def _tables(encoder: Any) -> list[tuple[NDArray[Any], NDArray[np.float64]]]:
    """Per column its categories, and their rows in the encoder's answer with that of an unknown one as the last."""
    first = np.array([column[0] for column in encoder.categories_], dtype=object)
    widths = getattr(encoder, "_n_features_outs", [1] * len(first))
    begins = np.concatenate([[0], np.cumsum(widths)])
    found = []
    for place, categories in enumerate(encoder.categories_):
        asked = np.tile(first, (len(categories) + 1, 1))
        asked[:-1, place] = categories
        asked[-1, place] = "\N{REPLACEMENT CHARACTER}unknown" if isinstance(categories[0], str) else -1e38
        if encoder.handle_unknown == "error":
            asked[-1, place] = categories[
                0
            ]  # scikit-learn raises for an unknown one; there is no answer to meet
        found.append((categories, _asked(encoder, asked)[:, begins[place] : begins[place + 1]]))
    return found


def _asked(encoder: Any, rows: NDArray[Any]) -> NDArray[np.float64]:
    import warnings

    import pandas as pd

    names = getattr(encoder, "feature_names_in_", None)
    frame = pd.DataFrame(rows, columns=names) if names is not None else rows
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # that an unknown category is encoded as the rare ones is what is asked
        answer = encoder.transform(frame)
    dense = answer.toarray() if hasattr(answer, "toarray") else answer
    return np.asarray(dense, dtype=np.float64)


def _looked_up(
    scope: Any, operator: Any, container: Any, tables: list[tuple[NDArray[Any], NDArray[np.float64]]]
) -> None:
    """Nodes that find each category's place in a table, and its row there."""
    from onnx import TensorProto
    from skl2onnx.common._apply_operation import apply_cast, apply_concat, apply_reshape
    from skl2onnx.common.data_types import Int64TensorType

    columns = _together(scope, operator, container)
    parts = []
    for place, (categories, rows) in enumerate(tables):
        at, column, code, part = (
            scope.get_unique_variable_name(name) for name in ("at", "column", "code", "part")
        )
        container.add_initializer(at, TensorProto.INT64, [1], [place])
        container.add_node("Gather", [columns, at], [column], axis=1, op_version=13)
        if isinstance(categories[0], str):
            keys = {"keys_strings": list(categories)}
        else:
            # LabelEncoder finds no null, so that it gets a number of its own.
            keys = {"keys_floats": [_NULL if np.isnan(one) else float(one) for one in categories]}
            column = _without_nulls(scope, container, column)
        named = {"op_domain": "ai.onnx.ml", "op_version": 2, "name": scope.get_unique_operator_name("Lookup")}
        container.add_node(
            "LabelEncoder",
            [column],
            [code],
            **keys,
            values_int64s=list(range(len(categories))),
            default_int64=len(categories),
            **named,
        )
        table, flat = scope.get_unique_variable_name("table"), scope.get_unique_variable_name("flat")
        container.add_initializer(table, TensorProto.FLOAT, list(rows.shape), rows.ravel().tolist())
        apply_reshape(scope, code, flat, container, desired_shape=(-1,))
        container.add_node("Gather", [table, flat], [part], axis=0, op_version=13)
        parts.append(part)
    output = operator.outputs[0]
    whole = scope.get_unique_variable_name("whole")
    apply_concat(scope, parts, whole, container, axis=1)
    kind = TensorProto.INT64 if isinstance(output.type, Int64TensorType) else TensorProto.FLOAT
    apply_cast(scope, whole, output.full_name, container, to=kind)


def _without_nulls(scope: Any, container: Any, column: str) -> str:
    from onnx import TensorProto
    from skl2onnx.common._apply_operation import apply_cast

    number, absent, null, found = (
        str(scope.get_unique_variable_name(name)) for name in ("number", "absent", "null", "found")
    )
    apply_cast(scope, column, number, container, to=TensorProto.FLOAT)
    container.add_node("IsNaN", [number], [absent], op_version=13)
    container.add_initializer(null, TensorProto.FLOAT, [1], [_NULL])
    container.add_node("Where", [absent, null, number], [found], op_version=9)
    return found


def _together(scope: Any, operator: Any, container: Any) -> str:
    from skl2onnx.operator_converters.common import concatenate_variables

    return str(concatenate_variables(scope, operator.inputs, container))
