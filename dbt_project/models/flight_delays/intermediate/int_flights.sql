with departures as (

    select * from {{ ref("stg_departures") }}
    where {{ in_sprint() }}

),

arrivals as (

    select * from {{ ref("stg_arrivals") }}
    where {{ in_sprint() }}

),

joined as (

    select
        departures.sprint,
        departures.event_at,
        departures.carrier,
        departures.flight,
        departures.origin,
        departures.destination,
        departures.tail_number,
        departures.distance_miles,
        departures.scheduled_departure_clock,
        departures.scheduled_arrival_clock,
        departures.departure_delay_minutes,
        arrivals.arrival_delay_minutes,
        arrivals.air_time_minutes,
        departures.known_at as departure_known_at,
        arrivals.known_at as arrival_known_at,
        departures.departure_clock is null as cancelled,
        arrivals.arrival_delay_minutes is not null as arrived,
        {{ dbt.concat([
            "departures.carrier",
            "cast(departures.flight as string)",
            "'-'",
            "departures.origin",
            "'-'",
            "departures.destination",
            "'-'",
            moment_text("departures.event_at")
        ]) }} as flight_id,
        {{ dbt.concat(["departures.origin", "'-'", "departures.destination"]) }} as route
    from departures
    left join arrivals
        on
            departures.carrier = arrivals.carrier
            and departures.flight = arrivals.flight
            and departures.origin = arrivals.origin
            and departures.destination = arrivals.destination
            and departures.event_at = arrivals.event_at

)

select
    flight_id,
    sprint,
    event_at,
    carrier,
    flight,
    origin,
    destination,
    route,
    tail_number,
    distance_miles,
    scheduled_departure_clock,
    scheduled_arrival_clock,
    departure_delay_minutes,
    arrival_delay_minutes,
    air_time_minutes,
    cancelled,
    arrived,
    departure_known_at,
    arrival_known_at
from joined
