-- Delays by airport of departure, every full hour: what was known by then, from when it was first seen on.
-- All sums are of whole numbers, up to the last division: values are equal to the bit however the work is divided.
-- The counts of an hour hold what became known within the hour before it (see the mart origin_hours).
with steps as (

    select * from with_moments(
        'origin_hours',
        ['origin'],
        range($sprint_start, $sprint_end, interval 1 hour)
    )

),

rolled as (

    select
        origin,
        asked,
        known_hour as event_timestamp,
        max(last_known_at) over so_far as created_timestamp,
        sum(departed) over hours_3 as departed_3h,
        sum(departure_delay_minutes) over hour_1 as departure_delay_minutes_1h,
        sum(departed) over hour_1 as departed_1h,
        sum(departure_delay_minutes) over hours_3 as departure_delay_minutes_3h,
        sum(late_departures) over hours_3 as late_departures_3h,
        sum(cancelled) over hours_6 as cancelled_6h,
        sum(arrival_delay_minutes) over hours_3 as arrival_delay_minutes_3h,
        sum(arrived) over hours_3 as arrived_3h,
        sum(en_route_minutes) over hours_3 as en_route_minutes_3h,
        sum(departure_delay_minutes) over hours_24 as departure_delay_minutes_24h,
        sum(departed) over hours_24 as departed_24h
    from steps
    window
        so_far as (
            partition by origin order by known_hour
            range between unbounded preceding and current row
        ),
        hour_1 as (
            partition by origin order by known_hour
            range between interval 0 hour preceding and current row
        ),
        hours_3 as (
            partition by origin order by known_hour
            range between interval 2 hour preceding and current row
        ),
        hours_6 as (
            partition by origin order by known_hour
            range between interval 5 hour preceding and current row
        ),
        hours_24 as (
            partition by origin order by known_hour
            range between interval 23 hour preceding and current row
        )

)

select
    origin,
    event_timestamp,
    created_timestamp,
    cast(coalesce(departed_3h, 0) as double) as origin_departures_3h,
    departure_delay_minutes_1h / nullif(departed_1h, 0) as origin_departure_delay_mean_1h,
    departure_delay_minutes_3h / nullif(departed_3h, 0) as origin_departure_delay_mean_3h,
    late_departures_3h / nullif(departed_3h, 0) as origin_departure_late_rate_3h,
    cast(coalesce(cancelled_6h, 0) as double) as origin_cancelled_6h,
    arrival_delay_minutes_3h / nullif(arrived_3h, 0) as origin_arrival_delay_mean_3h,
    en_route_minutes_3h / nullif(arrived_3h, 0) as origin_en_route_loss_mean_3h,
    departure_delay_minutes_24h / nullif(departed_24h, 0) as origin_departure_delay_mean_24h
from rolled
where asked and created_timestamp is not null
