with orders as (

    select * from {{ ref("stg_orders") }}
    where {{ in_sprint() }}

),

clocked as (

    select
        orders.*,
        {{ local_time("event_at", "Europe/Berlin") }} as placed_local
    from orders

)

select
    order_id as question_id,
    sprint,
    event_at as question_at,
    event_at,
    courier,
    district,
    parcels,
    distance_km,
    promised_minutes,
    cast(extract(hour from placed_local) as int) as placed_hour,
    cast({{ iso_weekday("placed_local") }} as int) as weekday
from clocked
