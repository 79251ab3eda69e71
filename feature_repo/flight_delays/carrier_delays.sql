-- Delays by carrier, every full hour: what was known by then, from when it was first seen on.
-- All sums are of whole numbers, up to the last division: values are equal to the bit however the work is divided.
-- The counts of an hour hold what became known within the hour before it (see the mart carrier_hours).
with steps as (

    select * from with_moments(
        'carrier_hours',
        ['carrier'],
        range($sprint_start, $sprint_end, interval 1 hour)
    )

),

rolled as (

    select
        carrier,
        asked,
        known_hour as event_timestamp,
        max(last_known_at) over so_far as created_timestamp,
        sum(departure_delay_minutes) over hours_3 as departure_delay_minutes_3h,
        sum(departed) over hours_3 as departed_3h,
        sum(arrival_delay_minutes) over hours_6 as arrival_delay_minutes_6h,
        sum(arrived) over hours_6 as arrived_6h,
        sum(cancelled) over hours_24 as cancelled_24h,
        sum(late_arrivals) over hours_24 as late_arrivals_24h,
        sum(arrived) over hours_24 as arrived_24h,
        sum(late_arrivals) over days_7 as late_arrivals_7d,
        sum(arrived) over days_7 as arrived_7d,
        sum(late_arrivals) over days_21 as late_arrivals_21d,
        sum(arrived) over days_21 as arrived_21d
    from steps
    window
        so_far as (
            partition by carrier order by known_hour
            range between unbounded preceding and current row
        ),
        hours_3 as (
            partition by carrier order by known_hour
            range between interval 2 hour preceding and current row
        ),
        hours_6 as (
            partition by carrier order by known_hour
            range between interval 5 hour preceding and current row
        ),
        hours_24 as (
            partition by carrier order by known_hour
            range between interval 23 hour preceding and current row
        ),
        days_7 as (
            partition by carrier order by known_hour
            range between interval 167 hour preceding and current row
        ),
        days_21 as (
            partition by carrier order by known_hour
            range between interval 503 hour preceding and current row
        )

)

select
    carrier,
    event_timestamp,
    created_timestamp,
    departure_delay_minutes_3h / nullif(departed_3h, 0) as carrier_departure_delay_mean_3h,
    arrival_delay_minutes_6h / nullif(arrived_6h, 0) as carrier_arrival_delay_mean_6h,
    cast(coalesce(cancelled_24h, 0) as double) as carrier_cancelled_24h,
    late_arrivals_24h / nullif(arrived_24h, 0) as carrier_arrival_late_rate_24h,
    late_arrivals_7d / nullif(arrived_7d, 0) as carrier_arrival_late_rate_7d,
    late_arrivals_21d / nullif(arrived_21d, 0) as carrier_arrival_late_rate_21d
from rolled
where asked and created_timestamp is not null
