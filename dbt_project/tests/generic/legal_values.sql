{#- In every row the condition of every column holds; NULL is judged by not_null. One scan for all columns. -#}
{% test legal_values(model, conditions) %}
select
    {{ conditions.keys() | join(", ") }}
from {{ model }}
where
    {%- for condition in conditions.values() %}
    {{ "or " if not loop.first }}not ({{ condition }})
    {%- endfor %}
{% endtest %}
