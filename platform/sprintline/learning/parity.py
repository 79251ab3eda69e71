"""Parity: the proof that a pipeline and its ONNX form answer the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sprintline.learning.facts import Parity
from sprintline.learning.recipes import Inputs, RecipeError
from sprintline.learning.synthetic_rows import UNSEEN

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.bundles import Scorer

_EDGE_ROWS = 50


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


def parity(pipeline: Any, scorer: Scorer, frame: pd.DataFrame, spread: float = 1.0) -> Parity:
    """Compare both forms on a frame and on its edge rows.

    spread: standard deviation of the answers that were learned from, by which differences of numbers are measured.
    Raises ValueError for an empty frame (nothing compared is no proof),
    and RecipeError for a pipeline that cannot answer nulls or unseen categories.
    """
    if not len(frame):
        raise ValueError("no row to compare scikit-learn and ONNX on")
    edges = edge_rows(frame, scorer.inputs)
    return {
        "rows": len(frame),
        "difference": _apart(pipeline, scorer, frame, spread),
        "edge_rows": len(edges),
        "edge_difference": _apart(pipeline, scorer, edges, spread),
    }


def answers(pipeline: Any, prepared: pd.DataFrame) -> NDArray[np.float64]:
    """What a fitted pipeline answers: (n, classes) probabilities of a classifier, (n, 1) numbers of a regressor."""
    from sklearn.base import is_classifier

    found = pipeline.predict_proba(prepared) if is_classifier(pipeline) else pipeline.predict(prepared)
    return np.asarray(found, dtype=np.float64).reshape(len(prepared), -1)


def onnx_answers(content: bytes, inputs: Inputs, frame: pd.DataFrame) -> NDArray[np.float64]:
    """What an export answers, in the shape of `answers`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = 1, 1, 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feed: dict[str, Any] = {"numeric": inputs.numbers(frame), "categorical": inputs.categories(frame)}
    wanted = {one.name for one in session.get_inputs()}
    named = {one.name for one in session.get_outputs()}
    output = "probabilities" if "probabilities" in named else "variable"
    found = session.run([output], {name: one for name, one in feed.items() if name in wanted})[0]
    return np.asarray(found, dtype=np.float64).reshape(len(frame), -1)


def largest_difference(
    theirs: NDArray[np.float64], ours: NDArray[np.float64], spread: float | None = None
) -> float:
    """The largest difference of two forms' answers, inf where one has a number and the other none.

    spread: standard deviation of the target, for numbers: a difference then counts in units of it, or of the prediction
    where that is larger, because float32 has seven digits of whatever is predicted. None for probabilities.
    """
    if theirs.shape != ours.shape:
        return float("inf")
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(ours - theirs)
        if spread is not None:
            apart = apart / np.maximum(np.maximum(spread, np.abs(theirs)), np.finfo(np.float64).tiny)
        apart = np.where(ours == theirs, 0.0, apart)  # two infinities are no difference
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))


def _apart(pipeline: Any, scorer: Scorer, frame: pd.DataFrame, spread: float) -> float:
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(limits=1):
            theirs = scorer.task.predicted(pipeline, scorer.inputs.prepare(frame))
    except ValueError as fault:
        # ONNX would answer such rows with NaN and say nothing, so it must not come to that.
        raise RecipeError(
            f"{type(pipeline[-1]).__name__} cannot answer rows with nulls or unseen categories "
            f"({str(fault).splitlines()[0]}): put a SimpleImputer or handle_unknown into the recipe"
        ) from fault
    scale = None if scorer.task.classifier else spread
    return largest_difference(theirs, scorer.predict(frame), scale)
