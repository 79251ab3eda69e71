with flights as (

    select * from {{ ref("int_flights") }}
    where {{ in_sprint() }}

),

departures as (

    select
        flight_id,
        sprint,
        'departure' as event,
        carrier,
        flight,
        origin,
        destination,
        route,
        cancelled,
        departure_delay_minutes as delay_minutes,
        cast(null as int) as en_route_minutes,
        departure_known_at as known_at
    from flights

),

arrivals as (

    select
        flight_id,
        sprint,
        'arrival' as event,
        carrier,
        flight,
        origin,
        destination,
        route,
        cancelled,
        arrival_delay_minutes as delay_minutes,
        arrival_delay_minutes - departure_delay_minutes as en_route_minutes,
        arrival_known_at as known_at
    from flights
    where arrived

),

events as (

    select * from departures
    union all
    select * from arrivals

)

select
    flight_id,
    sprint,
    event,
    carrier,
    flight,
    origin,
    destination,
    route,
    cancelled,
    {{ clip("delay_minutes", upper=360) }} as delay_minutes,
    coalesce(delay_minutes > 15, false) as late,
    {{ clip("en_route_minutes", lower=-60, upper=120) }} as en_route_minutes,
    known_at,
    {{ known_hour("known_at") }} as known_hour
from events
