with source as (

    select * from {{ source("__product__", "deliveries") }}
    where {{ in_sprint() }}

),

renamed as (

    select
        cast(sprint as string) as sprint,
        cast(order_id as string) as order_id,
        cast(event_at as {{ moment_type() }}) as event_at,
        cast(known_at as {{ moment_type() }}) as known_at
    from source

)

select * from renamed
