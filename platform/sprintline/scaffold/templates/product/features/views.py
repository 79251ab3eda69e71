"""Features of __product__: Feast entities, views and the service the model reads."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.types import Float64, String

from sprintline.features.views import lake_source

courier = Entity(
    name="courier", join_keys=["courier"], value_type=ValueType.STRING, description="Courier firm"
)

courier_delays = FeatureView(
    name="courier_delays",
    entities=[courier],
    # A row is valid for its full hour; a few hours more cover a late run.
    ttl=timedelta(hours=6),
    schema=[
        Field(name="courier", dtype=String),
        Field(
            name="courier_late_rate_1d", dtype=Float64, description="Share of late deliveries, last 24 hours"
        ),
        Field(
            name="courier_late_rate_7d", dtype=Float64, description="Share of late deliveries, last 7 days"
        ),
        Field(
            name="courier_delay_minutes_1d", dtype=Float64, description="Mean delay, last 24 hours, minutes"
        ),
    ],
    source=lake_source("__product__", "courier_delays"),
    description="A courier's delays, as known at each full hour.",
)

__product___v1 = FeatureService(
    name="__product___v1",
    features=[courier_delays],
    description="What the model reads.",
)
