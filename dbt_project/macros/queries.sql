{#- The one way a query is compared: lower case, single spaces, none at the ends; an empty one is no query. -#}
{% macro normalised_query(column) -%}
    nullif(trim(regexp_replace(lower({{ column }}), '\s+', ' ', 'g')), '')
{%- endmacro %}
