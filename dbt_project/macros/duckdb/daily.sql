{#-
    A table whose days are replaced whole: the days of the variable `days_from` are deleted and written again in one
    commit, also when a day now has no row at all. Tables are made from uniscale.contracts by the runner, so that a
    column, its type and its nullability have one source; the enforced contract is checked against the query first.
-#}
{% materialization daily, adapter="duckdb" %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- if load_cached_relation(this) is none -%}
        {%- do exceptions.raise_compiler_error(
            this ~ " does not exist; tables are made from the contracts: run uniscale build, not dbt alone"
        ) -%}
    {%- endif -%}
    {%- set days_from = config.require("days_from") -%}
    {%- if setting("notes") -%}
        {%- set days = setting(days_from) | map(attribute="ds") | join(", ") -%}
        {%- do log("days of " ~ this.identifier ~ ": " ~ (days or "none"), info=true) -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do get_assert_columns_equivalent(compiled_code) -%}
    {%- set columns = model.columns.keys() | join(", ") -%}
    {% call statement("main") -%}
        {%- if setting("notes") %}
        delete from {{ this.database }}.{{ setting("notes") }}
        where table_name = '{{ this.schema }}.{{ this.identifier }}' and {{ in_days("ds", days_from) }};
        {%- endif %}
        delete from {{ target_relation }} where {{ in_days("ds", days_from) }};
        insert into {{ target_relation }} ({{ columns }}) select {{ columns }} from ({{ compiled_code }}) as built;
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
