{#-
    The names under which models ask for what engines write differently. A model holds portable SQL and these names
    only; how an engine writes them is in the folder of the engine, as `ENGINE__name`.
-#}

{#-
    Joins the one row of `relation` with the same `key` whose `since` is the nearest to `moment` of those that stand in
    `operator` (`<`, `<=`, `>` or `>=`) to it. `how` is inner or left; `also` maps further keys to what they equal.
-#}
{% macro asof_join(how, relation, key, of, since, operator, moment, also={}) -%}
    {{ adapter.dispatch("asof_join")(how, relation, key, of, since, operator, moment, also) }}
{%- endmacro %}

{#- The time `hours` hours (a column or a number) after a time. -#}
{% macro hours_after(moment, hours) -%}
    {{ adapter.dispatch("hours_after")(moment, hours) }}
{%- endmacro %}

{#- Whole microseconds from one time to another, negative if the second one is earlier. -#}
{% macro microseconds_between(first, last) -%}
    {{ adapter.dispatch("microseconds_between")(first, last) }}
{%- endmacro %}

{#- Whole seconds since 1970-01-01 00:00 UTC. -#}
{% macro epoch_seconds(moment) -%}
    {{ adapter.dispatch("epoch_seconds")(moment) }}
{%- endmacro %}

{#- Whole microseconds since 1970-01-01 00:00 UTC. -#}
{% macro epoch_microseconds(moment) -%}
    {{ adapter.dispatch("epoch_microseconds")(moment) }}
{%- endmacro %}

{#- A value as text. -#}
{% macro as_text(value) -%}
    {{ adapter.dispatch("as_text")(value) }}
{%- endmacro %}

{#- A text as an SQL literal. -#}
{% macro text_literal(text) -%}
    {{ adapter.dispatch("text_literal")(text) }}
{%- endmacro %}

{#- The one way a query is compared: lower case, single spaces, none at the ends; an empty one is no query. -#}
{% macro normalised_query(column) -%}
    {{ adapter.dispatch("normalised_query")(column) }}
{%- endmacro %}

{#- Whether an action did not happen in a target-domain request; the domain of a request that is not in the log is NULL. -#}
{% macro is_outside(request_id, request_domain, action_domain) -%}
    {{ adapter.dispatch("is_outside")(request_id, request_domain, action_domain) }}
{%- endmacro %}

{#- Quantity x unit price; an unknown quantity is 1, an unknown price 0. -#}
{% macro action_value(quantity, unit_price) -%}
    {{ adapter.dispatch("action_value")(quantity, unit_price) }}
{%- endmacro %}

{#- What a share is at least: its lower Wilson bound, with the confidence of the setting confidence_z. -#}
{% macro wilson_lower(successes, trials) -%}
    {{ adapter.dispatch("wilson_lower")(successes, trials) }}
{%- endmacro %}

{#- The value of a fact in a map of facts; NULL without it. -#}
{% macro fact(facts, name) -%}
    {{ adapter.dispatch("fact")(facts, name) }}
{%- endmacro %}

{#- A map of facts as sorted name=value texts; no map gives an empty list. -#}
{% macro sorted_facts(column) -%}
    {{ adapter.dispatch("sorted_facts")(column) }}
{%- endmacro %}

{#- A struct of named values; structs compare field by field, in this order. -#}
{% macro struct_of(fields) -%}
    {{ adapter.dispatch("struct_of")(fields) }}
{%- endmacro %}

{#- Aggregate: the values with the `count` largest keys, largest first. -#}
{% macro top_values(value, key, count) -%}
    {{ adapter.dispatch("top_values")(value, key, count) }}
{%- endmacro %}

{#- Aggregate: all values as a list, largest first; sorted once gathered, since a sorter per group needs memory. -#}
{% macro descending_list(value) -%}
    {{ adapter.dispatch("descending_list")(value) }}
{%- endmacro %}

{#- As descending_list, smallest first. -#}
{% macro ascending_list(value) -%}
    {{ adapter.dispatch("ascending_list")(value) }}
{%- endmacro %}

{#- The first `count` values of a list. -#}
{% macro first_values(list, count) -%}
    {{ adapter.dispatch("first_values")(list, count) }}
{%- endmacro %}

{#- Window: the values of the rows up to this one in `order`, of the same `keys`, at most `count`, the last ones, as a list. -#}
{% macro newest_up_to_here(value, keys, order, count) -%}
    {{ adapter.dispatch("newest_up_to_here")(value, keys, order, count) }}
{%- endmacro %}

{#- Aggregate: the sum of doubles in a fixed order, since a sum of doubles depends on it; only where `condition` holds. -#}
{% macro ordered_sum(value, order, condition) -%}
    {{ adapter.dispatch("ordered_sum")(value, order, condition) }}
{%- endmacro %}

{#- In a select list: a row per element of a list, as `element`, with its place from 1 on as `place`. -#}
{% macro exploded(list, element, place) -%}
    {{ adapter.dispatch("exploded")(list, element, place) }}
{%- endmacro %}

{#- The field `name` of every struct of a list, as a list; no list gives an empty one. -#}
{% macro plucked(list, name) -%}
    {{ adapter.dispatch("plucked")(list, name) }}
{%- endmacro %}

{#- After the name of a CTE and `as`: its rows are made once and not woven into the query, where an engine can be told. -#}
{% macro made_once() -%}
    {{ adapter.dispatch("made_once")() }}
{%- endmacro %}
