{#- The type of a moment in UTC: Spark's `timestamp` is that already, DuckDB's has no zone. -#}
{% macro moment_type() -%}
    {{ return(adapter.dispatch("moment_type", "sprintline")()) }}
{%- endmacro %}

{% macro default__moment_type() -%} timestamptz {%- endmacro %}

{% macro spark__moment_type() -%} timestamp {%- endmacro %}
