{#- Schemas are plainly `staging`, `intermediate` and `marts`, as the folders: each product has a warehouse file of its own,
    so dbt's usual prefix by user or target has nothing to keep apart. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set folder = node.fqn[1] if node.fqn | length > 2 -%}
    {{ (custom_schema_name or folder or target.schema) | trim }}
{%- endmacro %}
