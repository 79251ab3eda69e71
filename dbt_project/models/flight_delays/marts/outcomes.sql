with flights as (

    select * from {{ ref("int_flights") }}
    where {{ in_sprint() }}

)

select
    flight_id as question_id,
    sprint,
    arrival_delay_minutes > 15 as late,
    arrival_delay_minutes,
    arrival_known_at as known_at
from flights
where arrived
