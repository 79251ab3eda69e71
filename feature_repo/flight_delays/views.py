"""The features of flight_delays, as known three hours before a scheduled departure.

Each view is a lake table that `<view>.sql` beside this file computes from the marts, a sprint at a time. A row is valid
from its `event_timestamp` on, until a newer one or its ttl; `created_timestamp` is the latest moment at which anything
in it became known. A flight's delay is known once it has left or arrived, weather at its own hour.

Windows end at the row's moment: `_3h` is the last 3 hours, `_7d` and `_21d` the last 7 and 21 days. Delays are minutes,
at most 360 for one flight, negative when early; rates are between 0 and 1; "late" is more than 15 minutes.
A mean or rate of no flights is null, a count of no flights is 0.
"""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.types import Float64, Int64, String

from sprintline.features.views import lake_source

OWNER = "dana.reyes@example.org"

carrier = Entity(
    name="carrier",
    join_keys=["carrier"],
    value_type=ValueType.STRING,
    description="Airline, two-letter code",
    owner=OWNER,
)
flight = Entity(
    name="flight",
    join_keys=["flight"],
    value_type=ValueType.INT64,
    description="Flight number, unique within a carrier",
    owner=OWNER,
)
origin = Entity(
    name="origin",
    join_keys=["origin"],
    value_type=ValueType.STRING,
    description="Airport of departure: EWR, JFK or LGA",
    owner=OWNER,
)
destination = Entity(
    name="destination",
    join_keys=["destination"],
    value_type=ValueType.STRING,
    description="Airport of arrival, three-letter code",
    owner=OWNER,
)
route = Entity(
    name="route",
    join_keys=["route"],
    value_type=ValueType.STRING,
    description="Airports of departure and arrival, such as EWR-ORD",
    owner=OWNER,
)

# Rows come every hour. One that is older than three hours does not describe the last three hours.
HOURLY = {"ttl": timedelta(hours=3), "tags": {"grain": "hour", "personal": "no"}, "owner": OWNER}
# Rows come every day at 06:00 UTC; one missing day is bridged.
DAILY = {"ttl": timedelta(hours=48), "tags": {"grain": "day", "personal": "no"}, "owner": OWNER}


def number(name: str, description: str) -> Field:
    return Field(name=name, dtype=Float64, description=description)


origin_delays = FeatureView(
    name="origin_delays",
    entities=[origin],
    description="How the airport of departure has been running in the last hours",
    source=lake_source("flight_delays", "origin_delays"),
    schema=[
        Field(name="origin", dtype=String),
        number("origin_departures_3h", "flights that left"),
        number("origin_departure_delay_mean_1h", "mean delay of departures"),
        number("origin_departure_delay_mean_3h", "mean delay of departures"),
        number("origin_departure_late_rate_3h", "share of departures that left late"),
        number("origin_cancelled_6h", "flights that became known as cancelled"),
        number("origin_arrival_delay_mean_3h", "mean delay at their destination of flights from here"),
        number("origin_en_route_loss_mean_3h", "mean minutes lost between departure and arrival, -60 to 120"),
        number("origin_departure_delay_mean_24h", "mean delay of departures"),
    ],
    **HOURLY,
)

carrier_delays = FeatureView(
    name="carrier_delays",
    entities=[carrier],
    description="How the airline has been running, from the last hours to three weeks",
    source=lake_source("flight_delays", "carrier_delays"),
    schema=[
        Field(name="carrier", dtype=String),
        number("carrier_departure_delay_mean_3h", "mean delay of departures"),
        number("carrier_arrival_delay_mean_6h", "mean delay of arrivals"),
        number("carrier_cancelled_24h", "flights that became known as cancelled"),
        number("carrier_arrival_late_rate_24h", "share of arrivals that were late"),
        number("carrier_arrival_late_rate_7d", "share of arrivals that were late"),
        number("carrier_arrival_late_rate_21d", "share of arrivals that were late"),
    ],
    **HOURLY,
)

destination_delays = FeatureView(
    name="destination_delays",
    entities=[destination],
    description="How flights to the airport of arrival have been running, from the last hours to three weeks",
    source=lake_source("flight_delays", "destination_delays"),
    schema=[
        Field(name="destination", dtype=String),
        number("destination_departure_delay_mean_6h", "mean delay of departures for there"),
        number("destination_arrival_delay_mean_6h", "mean delay of arrivals"),
        number("destination_cancelled_24h", "flights that became known as cancelled"),
        number("destination_arrival_late_rate_24h", "share of arrivals that were late"),
        number("destination_arrival_late_rate_7d", "share of arrivals that were late"),
        number("destination_arrival_late_rate_21d", "share of arrivals that were late"),
    ],
    **HOURLY,
)

route_delays = FeatureView(
    name="route_delays",
    entities=[route],
    description="How the route has been running for one and three weeks",
    source=lake_source("flight_delays", "route_delays"),
    schema=[
        Field(name="route", dtype=String),
        number("route_arrival_late_rate_7d", "share of arrivals that were late"),
        number("route_arrival_late_rate_21d", "share of arrivals that were late"),
    ],
    **DAILY,
)

flight_number_delays = FeatureView(
    name="flight_number_delays",
    entities=[carrier, flight],
    description="How this flight of the timetable has been running for one and three weeks",
    source=lake_source("flight_delays", "flight_number_delays"),
    schema=[
        Field(name="carrier", dtype=String),
        Field(name="flight", dtype=Int64),
        number("flight_number_arrivals_21d", "flights that arrived"),
        number("flight_number_arrival_delay_mean_21d", "mean delay of arrivals"),
        number("flight_number_arrival_late_rate_21d", "share of arrivals that were late"),
        number("flight_number_arrival_late_rate_7d", "share of arrivals that were late"),
        number("flight_number_departure_delay_mean_7d", "mean delay of departures"),
    ],
    **DAILY,
)

origin_weather = FeatureView(
    name="origin_weather",
    entities=[origin],
    description="Weather at the airport of departure when the question is asked, three hours before the flight",
    source=lake_source("flight_delays", "origin_weather"),
    schema=[
        Field(name="origin", dtype=String),
        number("temperature_f", "temperature, degrees Fahrenheit"),
        number("dew_point_spread_f", "temperature less dew point, degrees Fahrenheit: near 0 there is fog"),
        number("humidity_pct", "relative humidity"),
        number("wind_speed_mph", "wind speed"),
        number("wind_gust_mph", "speed of gusts, null when there were none"),
        number("wind_from_east_mph", "part of the wind that blows from the east, negative from the west"),
        number("wind_from_north_mph", "part of the wind that blows from the north, negative from the south"),
        number("precipitation_in", "precipitation of the hour, inches"),
        number("precipitation_max_3h_in", "the wettest hour of the last three, inches"),
        number("pressure_mb", "pressure at sea level, millibars"),
        number("pressure_change_3h_mb", "pressure now less pressure three hours ago, millibars"),
        number("visibility_miles", "visibility"),
    ],
    **HOURLY,
)

flight_delays_v1 = FeatureService(
    name="flight_delays_v1",
    features=[
        origin_delays,
        carrier_delays,
        destination_delays,
        route_delays,
        flight_number_delays,
        origin_weather,
    ],
    description="All features that the model reads; another set of features is another service",
    tags={"model": "flight_delays"},
    owner=OWNER,
)
