{#- Day of the week of a timestamp, Monday 1 to Sunday 7. -#}
{% macro iso_weekday(timestamp) -%}
    {{ return(adapter.dispatch("iso_weekday", "sprintline")(timestamp)) }}
{%- endmacro %}

{% macro default__iso_weekday(timestamp) -%}
    isodow({{ timestamp }})
{%- endmacro %}

{% macro spark__iso_weekday(timestamp) -%}
    weekday({{ timestamp }}) + 1
{%- endmacro %}
