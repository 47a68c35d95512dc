{#-
    Data tests look at the days just built only: `where: __built_days__` in their configuration stands for the days of
    the tested model. Other conditions are taken as they are.
-#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get("where") -%}
    {%- if where == "__built_days__" -%}
        {%- set days_from = {
            "item_versions": "version_days",
            "outside_actions": "outside_days",
            "fct_exposures": "request_days",
            "fct_attributions": "request_days",
            "query_item_stats": "query_stat_days",
            "user_fresh_actions": "fresh_days",
            "carried": "carried_days",
            "daily": "count_days",
            "features": "feature_days",
        } -%}
        {%- set days_from = days_from[relation.identifier] or days_from[relation.schema] -%}
        {%- set where = in_days("ds", days_from) -%}
    {%- endif -%}
    {%- if where -%}
        (select * from {{ relation }} where {{ where }}) as dbt_subquery
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
