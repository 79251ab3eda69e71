{#- dbt's relationships test, with the parent restricted to the sprint too: both sides of a relationship are built from
    the same sprint, and a run reads no other. -#}
{% macro default__test_relationships(model, column_name, to, field) %}

with child as (
    select {{ column_name }} as from_field
    from {{ model }}
    where {{ column_name }} is not null
),

parent as (
    select {{ field }} as to_field
    from {{ to }}
    where {{ in_sprint() }}
)

select child.from_field
from child
left join parent on child.from_field = parent.to_field
where parent.to_field is null

{% endmacro %}
