"""Parity: the proof that a pipeline and its ONNX form answer the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sprintline.learning.facts import Parity
from sprintline.learning.recipes import Inputs, RecipeError

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.bundles import Scorer

UNSEEN = "\N{REPLACEMENT CHARACTER}unseen"
"""A category no provider sends, to ask both forms about one they have never met."""

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
    return scorer.task.apart(theirs, scorer.predict(frame), spread)
