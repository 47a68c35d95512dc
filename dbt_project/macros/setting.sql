{#-
    What the connection tells (uniscale/warehouse/connection.py): the policy, the settings, and the days to build. A
    variable of that name goes before it; unit tests set some. There is no connection while dbt parses: a value of the
    right type, from `at_parse`, does then.
-#}
{% macro setting(name) -%}
    {%- set given = var(name, none) -%}
    {%- if given is none and not execute -%}
        {%- set given = var("at_parse")[name] -%}
    {%- elif given is none -%}
        {%- set rows = run_query("select value from memory.main.told where name = '" ~ name ~ "'").rows -%}
        {%- if not rows -%}
            {%- do exceptions.raise_compiler_error("nobody tells " ~ name ~ ": see uniscale/warehouse/variables.py") -%}
        {%- endif -%}
        {%- set given = fromjson(rows[0][0]) -%}
    {%- endif -%}
    {{ return(given) }}
{%- endmacro %}
