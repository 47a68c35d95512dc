{#- Condition that holds on the days of a variable; literal dates, so that the lake reads only their partitions. -#}
{% macro in_days(column, days_from) -%}
    {%- set days = setting(days_from) -%}
    {%- if days | length == 0 -%}
        false
    {%- else -%}
        {{ column }} in ({% for day in days %}date '{{ day.ds }}'{{ ", " if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}

{#- Condition that holds from `before` days before the first day of a variable to `after` days after the last one, or on. -#}
{% macro near_days(column, days_from, before=0, after=0) -%}
    {%- set days = setting(days_from) | map(attribute="ds") | sort -%}
    {%- if days | length == 0 -%}
        false
    {%- else -%}
        {{ column }} >= date '{{ days[0] }}' - {{ before }}
        {%- if after is not none %}
        and {{ column }} <= date '{{ days[-1] }}' + {{ after }}
        {%- endif %}
    {%- endif -%}
{%- endmacro %}

{#- Condition that holds before the first day of a variable. -#}
{% macro before_days(column, days_from) -%}
    {%- set days = setting(days_from) | map(attribute="ds") | sort -%}
    {{ column ~ " < date '" ~ days[0] ~ "'" if days else "false" }}
{%- endmacro %}

{#-
    Condition on a raw partition that holds all requests and actions that exposures and attributions may need: as far back
    as attribution reaches, and no later than the labels look.
-#}
{% macro near_requests(column) -%}
    {%- set reach = attribution_days("window_hours") | int + attribution_days("before_request_hours") | int -%}
    {%- set looked_at = setting("request_days") | map(attribute="label_as_of") | map("string") | sort -%}
    {{ near_days(column, "request_days", before=reach, after=none) }}
    {%- if looked_at %}
    and {{ column }} <= date '{{ looked_at[-1][:10] }}'
    {%- endif -%}
{%- endmacro %}

{#- Whole days that hold the most hours of a rule of the policy: window_hours, or before_request_hours. -#}
{% macro attribution_days(hours_of) -%}
    {%- set hours = setting("attribution_rules") | map(attribute=hours_of) | list -%}
    {{ ((hours | max) / 24) | round(0, "ceil") | int if hours else 0 }}
{%- endmacro %}

{#- The days of a variable as rows; `columns` maps each field to its type. No day gives no row. -#}
{% macro days_relation(days_from, columns) -%}
    {%- set days = setting(days_from) or [{}] -%}
    select
        {%- for name, type in columns.items() %}
        cast({{ name }} as {{ type }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        values
        {%- for day in days %}
        ({% for name in columns %}'{{ day[name] }}'{{ ", " if not loop.last }}{% endfor %}){{ "," if not loop.last }}
        {%- endfor %}
    ) as days ({{ columns.keys() | join(", ") }})
    where {{ "true" if setting(days_from) else "false" }}
{%- endmacro %}
