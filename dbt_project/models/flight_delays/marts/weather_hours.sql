with weather as (

    select * from {{ ref("stg_weather") }}
    where {{ in_sprint() }}

),

plausible as (

    -- A hurricane of the top category blows at 157 mph: a reading above 150 at a New York airport is a broken
    -- instrument (1048 mph at Newark on 12 February 2013). It counts as not measured.
    select
        weather.*,
        case when wind_speed_mph <= 150 then wind_speed_mph end as plausible_wind_mph
    from weather

)

select
    sprint,
    origin,
    event_at as known_hour,
    temperature_f,
    dew_point_f,
    temperature_f - dew_point_f as dew_point_spread_f,
    humidity_pct,
    wind_direction_deg,
    plausible_wind_mph as wind_speed_mph,
    plausible_wind_mph * sin(radians(wind_direction_deg)) as wind_from_east_mph,
    plausible_wind_mph * cos(radians(wind_direction_deg)) as wind_from_north_mph,
    wind_gust_mph,
    precipitation_in,
    pressure_mb,
    visibility_miles,
    known_at as last_known_at
from plausible
