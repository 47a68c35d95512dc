{#- A map of facts as sorted name=value texts; no map gives an empty list. -#}
{% macro sorted_facts(column) -%}
    coalesce(
        list_sort([entry.key || '=' || entry.value for entry in map_entries({{ column }}) if entry.value is not null]),
        cast([] as varchar[])
    )
{%- endmacro %}
