{#- Schemas are plainly `staging`, `intermediate` and `marts`: each product has a warehouse file of its own, so dbt's
    usual prefix by user or target has nothing to keep apart. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
