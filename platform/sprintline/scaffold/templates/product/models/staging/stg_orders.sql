with source as (

    select * from {{ source("__product__", "orders") }}
    where {{ in_sprint() }}

),

renamed as (

    select
        cast(sprint as string) as sprint,
        cast(order_id as string) as order_id,
        cast(courier as string) as courier,
        cast(district as string) as district,
        cast(parcels as int) as parcels,
        cast(distance_km as double) as distance_km,
        cast(promised_minutes as int) as promised_minutes,
        cast(event_at as {{ moment_type() }}) as event_at,
        cast(known_at as {{ moment_type() }}) as known_at
    from source

)

select * from renamed
