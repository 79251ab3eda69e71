{#- The rows that a generic data test reads: those of the sprint that is being built, filtered by its own `where`.
    Every model has the column `sprint`, so no test has to filter by it. -#}
{% macro default__get_where_subquery(relation) -%}
    {%- set where = config.get("where", "") -%}
    {%- set rows -%}
        (select * from {{ relation }} where {{ in_sprint() }}{% if where %} and ({{ where }}){% endif %}) as sprint_rows
    {%- endset -%}
    {% do return(rows) %}
{%- endmacro %}
