{#- The first full hour at which something is known: what became known at 10:07 counts from 11:00 on. An hour that
    carries the count at 11:00 therefore holds nothing that was learned after 11:00. -#}
{% macro known_hour(known_at) -%}
    {{ dbt.dateadd("hour", 1, dbt.date_trunc("hour", known_at)) }}
{%- endmacro %}
