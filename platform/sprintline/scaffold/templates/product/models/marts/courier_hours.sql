with outcomes as (

    select
        outcomes.*,
        {{ known_hour("known_at") }} as known_hour
    from {{ ref("outcomes") }} as outcomes
    where {{ in_sprint() }}

)

select
    sprint,
    courier,
    known_hour,
    cast(count(*) as int) as delivered,
    cast(sum(case when late then 1 else 0 end) as int) as late_deliveries,
    cast(sum(delay_minutes) as int) as delay_minutes,
    max(known_at) as last_known_at
from outcomes
group by sprint, courier, known_hour
