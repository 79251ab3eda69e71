{#- A moment as compact text in UTC, such as 20130101T1015Z: the same on every engine and in every session's time zone. -#}
{% macro moment_text(moment) -%}
    {{ return(adapter.dispatch("moment_text", "sprintline")(moment)) }}
{%- endmacro %}

{% macro default__moment_text(moment) -%}
    strftime(timezone('UTC', {{ moment }}), '%Y%m%dT%H%MZ')
{%- endmacro %}

{% macro spark__moment_text(moment) -%}
    date_format({{ moment }}, "yyyyMMdd'T'HHmm'Z'")
{%- endmacro %}
