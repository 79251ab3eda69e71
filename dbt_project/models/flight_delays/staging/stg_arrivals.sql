with source as (

    select * from {{ source("flight_delays", "arrivals") }}
    where {{ in_sprint() }}

),

renamed as (

    select
        cast(sprint as string) as sprint,
        cast(carrier as string) as carrier,
        cast(flight as int) as flight,
        cast(origin as string) as origin,
        cast(dest as string) as destination,
        cast(arr_time as int) as arrival_clock,
        cast(arr_delay as int) as arrival_delay_minutes,
        cast(air_time as int) as air_time_minutes,
        cast(event_at as {{ moment_type() }}) as event_at,
        cast(known_at as {{ moment_type() }}) as known_at
    from source

)

select * from renamed
