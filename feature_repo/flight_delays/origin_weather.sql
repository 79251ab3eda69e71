-- Weather at the airport of departure, at each hour it was measured; a measurement is known at its hour.
with measured as (

    select
        weather_hours.*,
        max(last_known_at) over hours_3 as created_timestamp,
        max(precipitation_in) over hours_3 as precipitation_max_3h_in,
        pressure_mb - first_value(pressure_mb) over hours_3 as pressure_change_3h_mb
    from weather_hours
    window
        hours_3 as (partition by origin order by known_hour range between interval 3 hour preceding and current row)

)

select
    origin,
    known_hour as event_timestamp,
    created_timestamp,
    temperature_f,
    dew_point_spread_f,
    humidity_pct,
    wind_speed_mph,
    wind_gust_mph,
    wind_from_east_mph,
    wind_from_north_mph,
    precipitation_in,
    precipitation_max_3h_in,
    pressure_mb,
    pressure_change_3h_mb,
    visibility_miles
from measured
where known_hour >= $sprint_start and known_hour < $sprint_end
