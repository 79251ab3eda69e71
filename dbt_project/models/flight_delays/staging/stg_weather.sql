with source as (

    select * from {{ source("flight_delays", "weather") }}
    where {{ in_sprint() }}

),

renamed as (

    select
        cast(sprint as string) as sprint,
        cast(origin as string) as origin,
        cast(temp as double) as temperature_f,
        cast(dewp as double) as dew_point_f,
        cast(humid as double) as humidity_pct,
        cast(wind_dir as double) as wind_direction_deg,
        cast(wind_speed as double) as wind_speed_mph,
        cast(wind_gust as double) as wind_gust_mph,
        cast(precip as double) as precipitation_in,
        cast(pressure as double) as pressure_mb,
        cast(visib as double) as visibility_miles,
        cast(event_at as {{ moment_type() }}) as event_at,
        cast(known_at as {{ moment_type() }}) as known_at
    from source

)

select * from renamed
