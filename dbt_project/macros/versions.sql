{#-
    When a version of an item or a user is known, and which of them counts: the newest valid one of those known so far.
    One that arrives after a newer version is superseded on arrival.
-#}

{#- From when on a version can be used: it is valid and recorded. -#}
{% macro known_from() -%}
    greatest(valid_from, recorded_at)
{%- endmacro %}

{#- Over the versions of `key` in the order of their arrival, of rows with `known_from`. -#}
{% macro so_far(aggregate, key) -%}
    {{ aggregate }}(valid_from) over (
        partition by {{ key }} order by known_from, valid_from, recorded_at rows unbounded preceding
    )
{%- endmacro %}

{#- 1 for the version of `key` that counts among those known from the same moment on. -#}
{% macro place_among_equals(key) -%}
    row_number() over (partition by {{ key }}, known_from order by valid_from desc, recorded_at desc)
{%- endmacro %}

{#- Of rows with `newest_valid_from` (the largest so far) and `place_among_equals`: the versions that count. -#}
{% macro is_known_version() -%}
    valid_from = newest_valid_from and place_among_equals = 1
{%- endmacro %}
