{#- A number held within bounds; null stays null (least and greatest ignore nulls and would return the bound). -#}
{% macro clip(expression, lower=none, upper=none) -%}
    case
        {% if lower is not none -%} when {{ expression }} < {{ lower }} then {{ lower }} {% endif -%}
        {% if upper is not none -%} when {{ expression }} > {{ upper }} then {{ upper }} {% endif -%}
        else {{ expression }}
    end
{%- endmacro %}
