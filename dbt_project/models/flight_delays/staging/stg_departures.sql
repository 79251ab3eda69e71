with source as (

    select * from {{ source("flight_delays", "departures") }}
    where {{ in_sprint() }}

),

renamed as (

    select
        cast(sprint as string) as sprint,
        cast(carrier as string) as carrier,
        cast(flight as int) as flight,
        cast(origin as string) as origin,
        cast(dest as string) as destination,
        cast(tailnum as string) as tail_number,
        cast(distance as int) as distance_miles,
        cast(sched_dep_time as int) as scheduled_departure_clock,
        cast(sched_arr_time as int) as scheduled_arrival_clock,
        cast(dep_time as int) as departure_clock,
        cast(dep_delay as int) as departure_delay_minutes,
        cast(event_at as {{ moment_type() }}) as event_at,
        cast(known_at as {{ moment_type() }}) as known_at
    from source

)

select * from renamed
