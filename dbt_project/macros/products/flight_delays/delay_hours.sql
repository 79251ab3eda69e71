{#- Delays by the hour at which they are known, per entity: the body of the marts carrier_hours, origin_hours and so on.

    entity: the columns that name the entity. A row counts what became known within the hour before known_hour, for the
    flights that this sprint scheduled; hours in which nothing became known have no row. -#}
{% macro delay_hours(entity) -%}
with events as (

    select * from {{ ref("int_known_delays") }}
    where {{ in_sprint() }}

),

measured as (

    select
        events.*,
        case when event = 'departure' and not cancelled then 1 else 0 end as departed,
        case when event = 'departure' and cancelled then 1 else 0 end as was_cancelled,
        case when event = 'arrival' then 1 else 0 end as arrived
    from events

)

select
    sprint,
    {%- for column in entity %}
    {{ column }},
    {%- endfor %}
    known_hour,
    cast(sum(departed) as int) as departed,
    cast(sum(departed * coalesce(delay_minutes, 0)) as int) as departure_delay_minutes,
    cast(sum(departed * greatest(coalesce(delay_minutes, 0), 0)) as int) as departure_minutes_late,
    cast(sum(case when late then departed else 0 end) as int) as late_departures,
    cast(sum(was_cancelled) as int) as cancelled,
    cast(sum(arrived) as int) as arrived,
    cast(sum(arrived * coalesce(delay_minutes, 0)) as int) as arrival_delay_minutes,
    cast(sum(case when late then arrived else 0 end) as int) as late_arrivals,
    cast(sum(arrived * coalesce(en_route_minutes, 0)) as int) as en_route_minutes,
    max(known_at) as last_known_at
from measured
group by
    sprint,
    {%- for column in entity %}
    {{ column }},
    {%- endfor %}
    known_hour
{%- endmacro %}
