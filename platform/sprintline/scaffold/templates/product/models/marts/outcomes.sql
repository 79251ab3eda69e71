with orders as (

    select * from {{ ref("stg_orders") }}
    where {{ in_sprint() }}

),

deliveries as (

    select * from {{ ref("stg_deliveries") }}
    where {{ in_sprint() }}

),

measured as (

    select
        orders.order_id,
        orders.sprint,
        orders.courier,
        cast({{ dbt.datediff("orders.event_at", "deliveries.known_at", "minute") }} as int)
        - orders.promised_minutes as delay_minutes,
        deliveries.known_at
    from orders
    inner join deliveries on orders.order_id = deliveries.order_id

)

select
    order_id as question_id,
    sprint,
    courier,
    delay_minutes > 15 as late,
    delay_minutes,
    known_at
from measured
