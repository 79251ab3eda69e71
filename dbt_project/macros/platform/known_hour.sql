{#- The first full hour at which something is known: what became known at 10:07 counts from 11:00 on. So a
    count at 11:00 has nothing that became known after 11:00. -#}
{% macro known_hour(known_at) -%}
    {{ dbt.dateadd("hour", 1, dbt.date_trunc("hour", known_at)) }}
{%- endmacro %}
