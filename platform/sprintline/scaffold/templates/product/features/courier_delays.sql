-- A row per courier and full hour of the sprint: what was known at that hour.
with steps as (

    select * from with_moments('courier_hours', ['courier'], range($sprint_start, $sprint_end, interval 1 hour))

),

rolled as (

    select
        courier,
        known_hour as event_timestamp,
        asked,
        max(last_known_at) over day_7 as created_timestamp,
        sum(delivered) over day_1 as delivered_1d,
        sum(late_deliveries) over day_1 as late_1d,
        sum(delay_minutes) over day_1 as delay_1d,
        sum(delivered) over day_7 as delivered_7d,
        sum(late_deliveries) over day_7 as late_7d
    from steps
    window
        day_1 as (
            partition by courier order by known_hour range between interval 23 hour preceding and current row
        ),
        day_7 as (
            partition by courier order by known_hour range between interval 167 hour preceding and current row
        )

)

select
    courier,
    event_timestamp,
    created_timestamp,
    late_1d / nullif(delivered_1d, 0) as courier_late_rate_1d,
    late_7d / nullif(delivered_7d, 0) as courier_late_rate_7d,
    delay_1d / nullif(delivered_1d, 0) as courier_delay_minutes_1d
from rolled
where asked and created_timestamp is not null
