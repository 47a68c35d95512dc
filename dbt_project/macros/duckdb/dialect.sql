{% macro duckdb__asof_join(how, relation, key, of, since, operator, moment, also) -%}
    asof {{ how }} join {{ relation }}
        on
            {{ of }} = {{ relation }}.{{ key }}
            {%- for name, equal in also.items() %}
            and {{ equal }} = {{ relation }}.{{ name }}
            {%- endfor %}
            and {{ relation }}.{{ since }} {{ operator }} {{ moment }}
{%- endmacro %}

{% macro duckdb__hours_after(moment, hours) -%}
    {{ moment }} + {{ hours }} * interval 1 hour
{%- endmacro %}

{% macro duckdb__microseconds_between(first, last) -%}
    date_diff('microsecond', {{ first }}, {{ last }})
{%- endmacro %}

{% macro duckdb__epoch_seconds(moment) -%}
    cast(epoch_us({{ moment }}) // 1000000 as bigint)
{%- endmacro %}

{% macro duckdb__epoch_microseconds(moment) -%}
    epoch_us({{ moment }})
{%- endmacro %}

{% macro duckdb__as_text(value) -%}
    cast({{ value }} as varchar)
{%- endmacro %}

{% macro duckdb__text_literal(text) -%}
    '{{ (text | string).replace("'", "''") }}'
{%- endmacro %}

{% macro duckdb__normalised_query(column) -%}
    memory.main.normalised_query({{ column }})
{%- endmacro %}

{% macro duckdb__is_outside(request_id, request_domain, action_domain) -%}
    memory.main.is_outside({{ request_id }}, {{ request_domain }}, {{ action_domain }}, '{{ setting("target_domain") }}')
{%- endmacro %}

{% macro duckdb__action_value(quantity, unit_price) -%}
    memory.main.action_value({{ quantity }}, {{ unit_price }})
{%- endmacro %}

{% macro duckdb__wilson_lower(successes, trials) -%}
    memory.main.wilson_lower({{ successes }}, {{ trials }}, cast('{{ setting("confidence_z") }}' as double))
{%- endmacro %}

{% macro duckdb__fact(facts, name) -%}
    {{ facts }}[{{ name }}]
{%- endmacro %}

{% macro duckdb__sorted_facts(column) -%}
    coalesce(
        list_sort([entry.key || '=' || entry.value for entry in map_entries({{ column }}) if entry.value is not null]),
        cast([] as varchar[])
    )
{%- endmacro %}

{% macro duckdb__struct_of(fields) -%}
    struct_pack({% for name, value in fields.items() %}{{ name }} := {{ value }}{{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro duckdb__top_values(value, key, count) -%}
    max_by({{ value }}, {{ key }}, {{ count }})
{%- endmacro %}

{% macro duckdb__descending_list(value) -%}
    list_reverse_sort(list({{ value }}))
{%- endmacro %}

{% macro duckdb__ascending_list(value) -%}
    list_sort(list({{ value }}))
{%- endmacro %}

{% macro duckdb__first_values(list, count) -%}
    ({{ list }})[1:{{ count }}]
{%- endmacro %}

{% macro duckdb__newest_up_to_here(value, keys, order, count) -%}
    list({{ value }}) over (
        partition by {{ keys }} order by {{ order }} rows between {{ count - 1 }} preceding and current row
    )
{%- endmacro %}

{% macro duckdb__ordered_sum(value, order, condition) -%}
    sum({{ value }} order by {{ order }}) filter (where {{ condition }})
{%- endmacro %}

{% macro duckdb__exploded(list, element, place) -%}
    unnest({{ list }}) as {{ element }},
        generate_subscripts({{ list }}, 1) as {{ place }}
{%- endmacro %}

{% macro duckdb__plucked(list, name) -%}
    coalesce([element.{{ name }} for element in {{ list }}], [])
{%- endmacro %}

{% macro duckdb__made_once() -%}
    materialized
{%- endmacro %}
