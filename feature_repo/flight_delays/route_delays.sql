-- Delays by route, every day at 06:00 UTC: what was known by then, from when it was first seen on.
-- All sums are of whole numbers, up to the last division: values are equal to the bit however the work is divided.
-- The counts of an hour hold what became known within the hour before it (see the mart route_hours).
-- At 06:00 UTC it is 01:00 or 02:00 in New York: that day's flights are scored later.
with steps as (

    select * from with_moments(
        'route_hours',
        ['route'],
        range(date_trunc('day', $sprint_start) + interval 6 hour, $sprint_end, interval 1 day)
    )

),

rolled as (

    select
        route,
        asked,
        known_hour as event_timestamp,
        max(last_known_at) over so_far as created_timestamp,
        sum(late_arrivals) over days_7 as late_arrivals_7d,
        sum(arrived) over days_7 as arrived_7d,
        sum(late_arrivals) over days_21 as late_arrivals_21d,
        sum(arrived) over days_21 as arrived_21d
    from steps
    window
        so_far as (
            partition by route order by known_hour
            range between unbounded preceding and current row
        ),
        days_7 as (
            partition by route order by known_hour
            range between interval 167 hour preceding and current row
        ),
        days_21 as (
            partition by route order by known_hour
            range between interval 503 hour preceding and current row
        )

)

select
    route,
    event_timestamp,
    created_timestamp,
    late_arrivals_7d / nullif(arrived_7d, 0) as route_arrival_late_rate_7d,
    late_arrivals_21d / nullif(arrived_21d, 0) as route_arrival_late_rate_21d
from rolled
where asked and created_timestamp is not null and event_timestamp >= $sprint_start
