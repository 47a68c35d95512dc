{#-
    What the connection tells (uniscale/warehouse/connection.py): the policy, the settings, and the days to build. A
    variable of that name goes before it; unit tests set some. There is no connection while dbt parses: a value of the
    right type, from `at_parse`, does then. All is read once in a run of dbt and kept in `graph`, which all nodes share.
-#}
{% macro setting(name) -%}
    {%- set given = var(name, none) -%}
    {%- if given is none and not execute -%}
        {%- set given = var("at_parse")[name] -%}
    {%- elif given is none -%}
        {%- if "told" not in graph -%}
            {%- set told = {} -%}
            {%- for row in run_query("select name, value from memory.main.told").rows -%}
                {%- do told.update({row[0]: fromjson(row[1])}) -%}
            {%- endfor -%}
            {%- do graph.update({"told": told}) -%}
        {%- endif -%}
        {%- if name not in graph["told"] -%}
            {%- do exceptions.raise_compiler_error("nobody tells " ~ name ~ ": see uniscale/warehouse/variables.py") -%}
        {%- endif -%}
        {%- set given = graph["told"][name] -%}
    {%- endif -%}
    {{ return(given) }}
{%- endmacro %}
