with flights as (

    select * from {{ ref("int_flights") }}
    where {{ in_sprint() }}

),

clocked as (

    select
        flights.*,
        {{ local_time("event_at", "America/New_York") }} as scheduled_departure_local,
        {{ minute_of_day("scheduled_arrival_clock") }} as scheduled_arrival_minute
    from flights

),

described as (

    select
        clocked.*,
        cast(extract(hour from scheduled_departure_local) as int) as scheduled_hour,
        cast(extract(minute from scheduled_departure_local) as int) as scheduled_minute,
        cast({{ iso_weekday("scheduled_departure_local") }} as int) as weekday,
        cast(extract(doy from scheduled_departure_local) as int) as day_of_year
    from clocked

)

select
    flight_id as question_id,
    sprint,
    {{ dbt.dateadd("hour", -3, "event_at") }} as question_at,
    event_at,
    carrier,
    flight,
    origin,
    destination,
    route,
    distance_miles,
    scheduled_hour,
    scheduled_minute,
    scheduled_hour * 60 + scheduled_minute as scheduled_departure_minute,
    scheduled_arrival_minute,
    mod(scheduled_arrival_minute - (scheduled_hour * 60 + scheduled_minute) + 1440, 1440) as scheduled_span_minutes,
    weekday,
    day_of_year
from described
