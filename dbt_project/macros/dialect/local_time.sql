{#- The wall clock of a time zone at a moment, as a timestamp without zone; daylight saving time included. -#}
{% macro local_time(moment, timezone) -%}
    {{ return(adapter.dispatch("local_time", "sprintline")(moment, timezone)) }}
{%- endmacro %}

{% macro default__local_time(moment, timezone) -%}
    timezone('{{ timezone }}', {{ moment }})
{%- endmacro %}

{% macro spark__local_time(moment, timezone) -%}
    from_utc_timestamp({{ moment }}, '{{ timezone }}')
{%- endmacro %}
