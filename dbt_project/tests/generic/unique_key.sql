{#- No two rows have the same values in all of `columns`. -#}
{% test unique_key(model, columns) %}
select
    {{ columns | join(", ") }},
    count(*) as num_rows
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}
