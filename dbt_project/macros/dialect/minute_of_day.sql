{#- Minute of the day of a clock written as HHMM: 1815 is 1095, and 2400 is midnight, 0. -#}
{% macro minute_of_day(clock) -%}
    mod(cast(floor({{ clock }} / 100) as int) * 60 + mod({{ clock }}, 100), 1440)
{%- endmacro %}
