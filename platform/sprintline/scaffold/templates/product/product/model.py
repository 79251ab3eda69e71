"""The model of __product__: its inputs, how it is trained, and its baselines."""

from __future__ import annotations

from typing import Any

from sprintline.learning.recipes import Inputs, Recipe

NUMERIC = (
    "parcels",
    "distance_km",
    "promised_minutes",
    "placed_hour",
    "weekday",
    "courier_late_rate_1d",
    "courier_late_rate_7d",
    "courier_delay_minutes_1d",
)
CATEGORICAL = ("courier", "district")

BOOSTING = {"learning_rate": 0.06, "max_iter": 600, "max_leaf_nodes": 8, "min_samples_leaf": 25}
TWIN = {"C": 0.3, "max_iter": 500}


def recipe() -> Recipe:
    """Gradient boosting, with a logistic regression as its readable twin and the courier's late rate as baseline."""
    return Recipe(
        inputs=Inputs(NUMERIC, CATEGORICAL),
        build=_boosting,
        twin=_logistic,
        naive_groups=("courier",),
        description="Gradient-boosted trees on the order and on its courier's recent delays.",
        params={"boosting": BOOSTING, "twin": TWIN},
        threads=1,  # with so few rows one thread is faster
    )


def _boosting(seed: int) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    # Ordinal codes instead of native categories, which are exported to ONNX wrongly, without any error.
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype="float32")
    head = ColumnTransformer([("numbers", "passthrough", _numbers()), ("codes", codes, _categories())])
    return Pipeline(
        [("columns", head), ("trees", HistGradientBoostingClassifier(random_state=seed, **BOOSTING))]
    )


def _logistic(seed: int) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scaled = Pipeline(
        [("fill", SimpleImputer(strategy="median", keep_empty_features=True)), ("scale", StandardScaler())]
    )
    names = OneHotEncoder(handle_unknown="ignore", dtype="float32")
    head = ColumnTransformer([("numbers", scaled, _numbers()), ("names", names, _categories())])
    return Pipeline([("columns", head), ("line", LogisticRegression(random_state=seed, **TWIN))])


def _numbers() -> list[int]:
    return list(range(len(NUMERIC)))


def _categories() -> list[int]:
    return list(range(len(NUMERIC), len(NUMERIC) + len(CATEGORICAL)))
