{#- What a generic data test sees of its model: the rows of the sprint that is being built, and of those what the test's
    own `where` leaves. Every model carries the column `sprint`, so no test has to say so itself. -#}
{% macro default__get_where_subquery(relation) -%}
    {%- set where = config.get("where", "") -%}
    {%- set rows -%}
        (select * from {{ relation }} where {{ in_sprint() }}{% if where %} and ({{ where }}){% endif %}) as sprint_rows
    {%- endset -%}
    {% do return(rows) %}
{%- endmacro %}
