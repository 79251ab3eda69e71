{#- The rows of the sprint that is being built: the one filter of every model, every test and the `sprint` strategy.

    The key is read from the environment at run time only. While dbt parses, `execute` is false and the variable
    is not read: it never becomes part of the manifest, and another sprint causes no re-parse.

    Raises a compiler error when no sprint is named. Without it the filter would be missing and a run would rewrite
    every sprint. -#}
{% macro in_sprint(column="sprint") -%}
    {%- if execute -%}
        {%- set key = env_var("SPRINTLINE_SPRINT", "") | trim -%}
        {%- if not key -%}
            {{ exceptions.raise_compiler_error(
                "No sprint is named: SPRINTLINE_SPRINT is not set, and without it a run would rewrite every sprint. "
                ~ "Set it to a key of the calendar, such as 2013-S01, or build through sprintline."
            ) }}
        {%- endif -%}
        {{ column }} = {{ dbt.string_literal(dbt.escape_single_quotes(key)) }}
    {%- else -%}
        {{ column }} = ''
    {%- endif -%}
{%- endmacro %}
