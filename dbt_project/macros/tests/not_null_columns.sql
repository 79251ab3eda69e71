{#- dbt's not_null for several columns in one query: a wide model would otherwise spend its time on starting tests. -#}
{% test not_null_columns(model, columns) %}

select {{ columns | join(", ") }}
from {{ model }}
where
    {% for column in columns -%}
        {% if not loop.first %}or {% endif %}{{ column }} is null
    {% endfor %}

{% endtest %}
