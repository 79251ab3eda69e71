{#- Schemas are `staging`, `intermediate` and `marts`, like the folders: each product has its own warehouse file, so
    dbt's usual prefix by user or target is not needed. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set folder = node.fqn[1] if node.fqn | length > 2 -%}
    {{ (custom_schema_name or folder or target.schema) | trim }}
{%- endmacro %}
