"""Early stopping of LightGBM and XGBoost: a validation set is given to `fit`, and the library counts the rounds."""

from __future__ import annotations

import inspect
from typing import Any

_PATIENCE = ("early_stopping_rounds", "early_stopping_round")


def stops_early(estimator: Any) -> bool:
    """Whether an estimator asks for a validation set: one of its parameters says after how many rounds it stops."""
    return bool(_patience(estimator))


def grow(estimator: Any, fit: Any, label: Any, watch: Any, watch_label: Any) -> tuple[int, int]:
    """Fit with a validation set. Returns rounds grown and the best of them, from 1; the estimator answers by the best.

    The clock is not asked meanwhile: `n_estimators` is the limit.
    """
    quiet = {"verbose": False} if "verbose" in inspect.signature(estimator.fit).parameters else {}
    estimator.fit(fit, label, eval_set=[(watch, watch_label)], **quiet)
    history = estimator.evals_result() if callable(getattr(estimator, "evals_result", None)) else None
    (scores, *_) = next(iter((history or estimator.evals_result_).values())).values()
    # LightGBM counts from 1 and says 0 for none, XGBoost from 0.
    best = getattr(estimator, "best_iteration_", None)
    return len(scores), max(1, int(estimator.best_iteration + 1 if best is None else best or len(scores)))


def without_stopping(estimator: Any, rounds: int | None = None) -> Any:
    """The estimator set to grow a known number of rounds, or as many as it says, without a validation set."""
    for name in _patience(estimator):
        # XGBoost declares the parameter and wants None; LightGBM takes it among others and wants 0.
        declared = name in inspect.signature(type(estimator)).parameters
        estimator.set_params(**{name: None if declared else 0})
    return estimator if rounds is None else estimator.set_params(n_estimators=rounds)


def _patience(estimator: Any) -> list[str]:
    own = estimator.get_params(deep=False)
    return [name for name in _PATIENCE if own.get(name)]
