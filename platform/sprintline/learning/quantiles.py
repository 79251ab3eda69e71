"""Quantiles of a number, each by a model of its own: no library's model of several is served exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone

PARAMETERS = {
    "GradientBoostingRegressor": "alpha",
    "HistGradientBoostingRegressor": "quantile",
    "LGBMRegressor": "alpha",
    "QuantileRegressor": "quantile",
    "XGBRegressor": "quantile_alpha",
}
"""The parameter of each estimator that says which quantile it predicts."""


class PerQuantile(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The last step of a recipe for task quantile: fits one copy of an estimator for each level.

    estimator: unfitted, one of `PARAMETERS`, set to the quantile loss where it has others. levels: as in defs.yaml.
    Raises TypeError from `fit` for another estimator.
    """

    LIBRARY = "sklearn"
    """Whose exporter it belongs to."""

    def __init__(self, estimator: Any, levels: Sequence[float]) -> None:
        self.estimator = estimator
        self.levels = levels

    def fit(self, X: Any, y: Any) -> PerQuantile:
        """Fit a copy for each level."""
        name = type(self.estimator).__name__
        if name not in PARAMETERS:
            raise TypeError(f"{name} predicts no quantile; use one of {', '.join(sorted(PARAMETERS))}")
        self.estimators_ = [
            clone(self.estimator).set_params(**{PARAMETERS[name]: float(level)}).fit(X, y)
            for level in self.levels
        ]
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n, levels), in the order of the levels. Two of them may cross; the task sorts them."""
        return np.column_stack([one.predict(X) for one in self.estimators_])
