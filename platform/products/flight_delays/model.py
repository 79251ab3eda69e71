"""The model of flight_delays: will a flight arrive more than 15 minutes late, asked three hours before departure?"""

from __future__ import annotations

from typing import Any

from sprintline.learning.recipes import Inputs, Recipe

SCHEDULE = (
    "distance_miles",
    "scheduled_hour",
    "scheduled_departure_minute",
    "scheduled_arrival_minute",
    "scheduled_span_minutes",
    "weekday",
)
"""Columns of the question itself: the timetable."""

ORIGIN = (
    "origin_departures_3h",
    "origin_departure_delay_mean_1h",
    "origin_departure_delay_mean_3h",
    "origin_departure_late_rate_3h",
    "origin_cancelled_6h",
    "origin_arrival_delay_mean_3h",
    "origin_en_route_loss_mean_3h",
    "origin_departure_delay_mean_24h",
)
CARRIER = (
    "carrier_departure_delay_mean_3h",
    "carrier_arrival_delay_mean_6h",
    "carrier_cancelled_24h",
    "carrier_arrival_late_rate_24h",
    "carrier_arrival_late_rate_7d",
    "carrier_arrival_late_rate_21d",
)
DESTINATION = (
    "destination_departure_delay_mean_6h",
    "destination_arrival_delay_mean_6h",
    "destination_cancelled_24h",
    "destination_arrival_late_rate_24h",
    "destination_arrival_late_rate_7d",
    "destination_arrival_late_rate_21d",
)
FLIGHT = (
    "route_arrival_late_rate_7d",
    "route_arrival_late_rate_21d",
    "flight_number_arrivals_21d",
    "flight_number_arrival_delay_mean_21d",
    "flight_number_arrival_late_rate_21d",
    "flight_number_arrival_late_rate_7d",
    "flight_number_departure_delay_mean_7d",
)
WEATHER = (
    "temperature_f",
    "dew_point_spread_f",
    "humidity_pct",
    "wind_speed_mph",
    "wind_gust_mph",
    "wind_from_east_mph",
    "wind_from_north_mph",
    "precipitation_in",
    "precipitation_max_3h_in",
    "pressure_mb",
    "pressure_change_3h_mb",
    "visibility_miles",
)
NUMERIC = (*SCHEDULE, *ORIGIN, *CARRIER, *DESTINATION, *FLIGHT, *WEATHER)
CATEGORICAL = ("carrier", "origin", "destination")

READABLE = (
    "scheduled_departure_minute",
    "distance_miles",
    "origin_departure_delay_mean_1h",
    "origin_departure_late_rate_3h",
    "origin_cancelled_6h",
    "carrier_arrival_delay_mean_6h",
    "carrier_arrival_late_rate_7d",
    "destination_arrival_delay_mean_6h",
    "destination_arrival_late_rate_24h",
    "flight_number_arrival_late_rate_21d",
    "route_arrival_late_rate_21d",
    "precipitation_max_3h_in",
    "visibility_miles",
    "dew_point_spread_f",
)
"""Inputs of the twin: few enough to read all its coefficients."""

BOOSTING = {
    "learning_rate": 0.1,
    "max_iter": 500,
    # Half the default: up to a quarter less time, and ROC-AUC of S09, S10 and S13 moves by 0.003 at most, either way.
    "max_bins": 127,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 100,
    "l2_regularization": 5.0,
    "max_features": 0.5,
    "n_iter_no_change": 20,
    "tol": 0.0,
}
TWIN = {"C": 1.0, "max_iter": 500}


def recipe() -> Recipe:
    """Gradient boosting over ordinal codes, a logistic regression as its twin, carrier by hour as the baseline."""
    return Recipe(
        inputs=Inputs(NUMERIC, CATEGORICAL),
        build=_boosting,
        twin=_logistic,
        naive_groups=("carrier", "scheduled_hour"),
        description="Gradient-boosted trees on timetable, recent delays and weather known three hours before.",
        params={"boosting": BOOSTING, "twin": TWIN},
        # The newest sprint matters most: it decides the number of trees, and then the model is trained on it as well.
        refit=True,
        refit_least=100,
    )


def _boosting(seed: int) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    # Ordinal codes instead of native categories, which are exported to ONNX wrongly, without any error.
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype="float32")
    head = ColumnTransformer(
        [("numbers", "passthrough", _places(NUMERIC)), ("codes", codes, _places(CATEGORICAL))]
    )
    return Pipeline(
        [("columns", head), ("trees", HistGradientBoostingClassifier(random_state=seed, **BOOSTING))]
    )


def _logistic(seed: int) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    scaled = Pipeline(
        [("fill", SimpleImputer(strategy="median", keep_empty_features=True)), ("scale", StandardScaler())]
    )
    head = ColumnTransformer([("numbers", scaled, _places(READABLE))])
    return Pipeline([("columns", head), ("line", LogisticRegression(random_state=seed, **TWIN))])


def _places(names: tuple[str, ...]) -> list[int]:
    """Positions of columns among the inputs, because ONNX has no column names."""
    return [(*NUMERIC, *CATEGORICAL).index(name) for name in names]
