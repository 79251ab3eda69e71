"""scikit-learn pipelines as ONNX, and the proof that both say the same."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.recipes import Inputs, RecipeError

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.bundles import Scorer

UNSEEN = "\N{REPLACEMENT CHARACTER}unseen"
"""A category no provider sends, to ask both forms about one they have never met."""

_EDGE_ROWS = 50


def export(pipeline: Any, inputs: Inputs) -> bytes:
    """The pipeline as ONNX: inputs `numeric` (float32) and `categorical` (text), outputs `label`, `probabilities`.

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
    model = to_onnx(exact, initial_types=types, options={id(exact): {"zipmap": False}})
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


def edge_rows(frame: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Some rows as life can make them: each column null in turn, all null, each category unseen in turn."""
    import pandas as pd

    # In Python's own types, so that a null fits into every column.
    base = frame[list(inputs.names)].head(_EDGE_ROWS).astype(object)
    found = [base]
    for names in [*[[name] for name in inputs.names], list(inputs.numeric), list(inputs.names)]:
        found.append(base.assign(**dict.fromkeys(names, None)))
    for name in inputs.categorical:
        found.append(base.assign(**{name: UNSEEN}))
    rows = pd.concat(found, ignore_index=True)
    for name in inputs.numeric:
        rows[name] = pd.to_numeric(rows[name])
    return rows


def parity(pipeline: Any, scorer: Scorer, frame: pd.DataFrame) -> dict[str, Any]:
    """Compare both forms on a frame and on its edge rows.

    Returns rows and edge_rows compared, and the largest absolute difference of probabilities in each:
    {rows, edge_rows, difference, edge_difference}. Raises ValueError for an empty frame (nothing compared is no proof),
    and RecipeError for a pipeline that cannot answer nulls or unseen categories.
    """
    if not len(frame):
        raise ValueError("no row to compare scikit-learn and ONNX on")
    edges = edge_rows(frame, scorer.inputs)
    return {
        "rows": len(frame),
        "difference": _apart(pipeline, scorer, frame),
        "edge_rows": len(edges),
        "edge_difference": _apart(pipeline, scorer, edges),
    }


def _apart(pipeline: Any, scorer: Scorer, frame: pd.DataFrame) -> float:
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(limits=1):
            theirs = pipeline.predict_proba(scorer.inputs.prepare(frame))[:, 1]
    except ValueError as fault:
        # ONNX would answer such rows with NaN and say nothing, so it must not come to that.
        raise RecipeError(
            f"{type(pipeline[-1]).__name__} cannot answer rows with nulls or unseen categories "
            f"({str(fault).splitlines()[0]}): put a SimpleImputer or handle_unknown into the recipe"
        ) from fault
    return float(np.abs(scorer.predict(frame) - theirs).max())
