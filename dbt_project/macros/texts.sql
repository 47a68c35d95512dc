{#- Whether a text is one of some. -#}
{% macro is_one_of(column, texts) -%}
    {{ column }} in ({% for text in texts %}'{{ text }}'{{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}
