{#-
    No two rows have the same values in all columns of `key`, and in every row the condition of every column holds; NULL
    is judged by not_null. One test for both, since a node costs dbt more than its query; `fault` tells what is wrong.
-#}
{% test sound_rows(model, key, conditions={}) %}
select
    {{ key | join(", ") }},
    'not the only row of its key' as fault
from {{ model }}
group by {{ key | join(", ") }}
having count(*) > 1
{%- if conditions %}
union all
select
    {{ key | join(", ") }},
    'illegal ' || case
        {%- for column, condition in conditions.items() %}
        when not ({{ condition }}) then '{{ column }}'
        {%- endfor %}
    end as fault
from {{ model }}
where not ({{ conditions.values() | join(") or not (") }})
{%- endif %}
{% endtest %}
