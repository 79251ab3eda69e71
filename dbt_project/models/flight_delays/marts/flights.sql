with flights as (

    select * from {{ ref("int_flights") }}
    where {{ in_sprint() }}

)

select
    flight_id as question_id,
    sprint,
    cast({{ local_time("event_at", "America/New_York") }} as date) as departure_date,
    carrier,
    flight,
    tail_number,
    origin,
    destination,
    route,
    distance_miles,
    case
        when arrived then 'arrived'
        when cancelled then 'cancelled'
        else 'diverted'
    end as status,
    departure_delay_minutes,
    arrival_delay_minutes,
    air_time_minutes,
    arrival_delay_minutes > 15 as late,
    event_at as scheduled_departure_at,
    case when not cancelled then departure_known_at end as departed_at,
    arrival_known_at as arrived_at
from flights
