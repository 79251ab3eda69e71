{#- A business rule: the expression is true on every row. A row on which it cannot be decided (null) fails as well. -#}
{% test holds(model, expression) %}

select *
from {{ model }}
where not coalesce({{ expression }}, false)

{% endtest %}
