{#- The grain of a model whose key is more than one column: no combination appears twice. -#}
{% test unique_together(model, columns) %}

select
    {{ columns | join(", ") }},
    count(*) as times
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1

{% endtest %}
