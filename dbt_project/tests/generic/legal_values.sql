{#- In every row the condition of every column holds; NULL is judged by not_null. One scan for all columns. -#}
{% test legal_values(model, conditions) %}
select {{ conditions.keys() | join(", ") }}
from {{ model }}
where not ({{ conditions.values() | join(") or not (") }})
{% endtest %}
