{#- Models land in the schema their folder names (staging, marts, features), as the contracts say, never in target_schema. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
