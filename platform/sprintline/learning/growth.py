"""Growing a model: fitted once or, where the library can, tree by tree until the last sprint no longer improves.

The clock only ever stops it early, never steers it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sprintline.learning import boosters

if TYPE_CHECKING:
    import pandas as pd

#: Trees grown between two looks at the clock. Each look bins the training rows again (0.6 to 0.9 s for 140,000 x 51,
#: where a hundred trees take 4 s), so that most trainings need one.
PIECE = 150

Stopped = Literal["converged", "budget"]


@dataclass(frozen=True)
class Grown:
    """How growing ended, after how many trees or iterations, and which was the best; None where none was chosen."""

    stopped: Stopped
    iterations: int
    best: int | None


def grow(
    pipeline: Any,
    inputs: pd.DataFrame,
    label: NDArray[Any],
    held: NDArray[np.bool_],
    deadline: float,
    clock: Callable[[], float],
    stop_after: int | None = None,
) -> Grown:
    """Fit on the rows not held; boosting grows piece by piece until the held rows no longer improve or time is up."""
    last = pipeline[-1]
    if boosters.stops_early(last):
        fit, watch = _encoded(pipeline, with_values(inputs[~held]), label[~held], inputs[held])
        done, best = boosters.grow(last, fit, label[~held], watch, label[held])
        late = done >= last.get_params()["n_estimators"] or clock() > deadline
        return Grown("budget" if late else "converged", done, best)
    if not {"warm_start", "early_stopping", "n_iter_no_change"} <= set(last.get_params()):
        pipeline.fit(with_values(inputs[~held]), label[~held])
        stopped = settled_once(pipeline)
        return Grown("budget" if clock() > deadline else stopped, _iterations(last), None)
    fit, watch = _encoded(pipeline, with_values(inputs[~held]), label[~held], inputs[held])
    most, patience, tolerance = last.max_iter, last.n_iter_no_change, last.tol
    last.set_params(warm_start=True, early_stopping=True)
    target, took = 0, 0.0
    while True:
        target, before = min(target + PIECE, most), clock()
        last.set_params(max_iter=target)
        last.fit(fit, label[~held], X_val=watch, y_val=label[held])
        scores = np.asarray(last.validation_score_)
        done, best = int(last.n_iter_), int(np.argmax(scores))
        # Asked here as well, since a fit that settled on the very last tree of a piece looks like one that ran out.
        if done < target or _settled(scores, patience, tolerance):
            return Grown("converged", done, max(best, 1))
        took = max(took, clock() - before)
        if done >= most or done == stop_after or clock() + took > deadline:
            return Grown("budget", done, max(best, 1))


def regrow(
    pipeline: Any,
    inputs: pd.DataFrame,
    label: NDArray[Any],
    trees: int,
    deadline: float,
    clock: Callable[[], float],
) -> bool:
    """Grow to a known number of trees on all rows. False when time ran out before."""
    last = pipeline[-1]
    fit, _ = _encoded(pipeline, with_values(inputs), label, None)
    if boosters.stops_early(last):
        boosters.without_stopping(last, trees).fit(fit, label)
        return clock() <= deadline
    last.set_params(warm_start=True, early_stopping=False)
    took, target = 0.0, 0
    while target < trees:
        before = clock()
        if before + took > deadline:
            return False
        target = min(target + PIECE, trees)
        last.set_params(max_iter=target).fit(fit, label)
        took = max(took, clock() - before)
    return True


def _encoded(
    pipeline: Any, inputs: pd.DataFrame, label: NDArray[Any], others: pd.DataFrame | None
) -> tuple[Any, Any]:
    """What the last step sees: the steps before it are fitted on the training rows and applied to both."""
    if len(pipeline) == 1:
        return inputs, others
    head = pipeline[:-1]
    fitted = head.fit_transform(inputs, label)
    return fitted, None if others is None else head.transform(others)


def _settled(scores: NDArray[np.float64], patience: int, tolerance: float) -> bool:
    """scikit-learn's own test: none of the last `patience` scores beat the one before them."""
    return len(scores) > patience and not (scores[-patience:] > scores[-patience - 1] + tolerance).any()


def settled_once(pipeline: Any) -> Stopped:
    """How a pipeline that was fitted once ended: `budget` where its last step used all of its `max_iter`."""
    last = pipeline[-1]
    most = last.get_params().get("max_iter")
    return "budget" if most is not None and _iterations(last) >= most else "converged"


def _iterations(estimator: Any) -> int:
    return int(np.max(getattr(estimator, "n_iter_", 1)))


def with_values(inputs: pd.DataFrame) -> pd.DataFrame:
    """Rows to be fitted, where a number that no row holds is 0 in every row.

    Boosting cannot bin a column without any value (scikit-learn raises); of one that never changes it learns nothing,
    whatever values come later.
    """
    empty = [name for name in inputs.select_dtypes("number") if inputs[name].isna().all()]
    return inputs.assign(**{str(name): inputs[name].fillna(0) for name in empty})
