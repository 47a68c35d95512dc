{#-
    What is carried from day to day. A carried day is {ds, base_ds}: it is made from the carried day base_ds and the
    days since, or without one from the whole log. Feature days name the carried day that they go on from, as
    carried_ds; without one they read the whole log.
-#}

{#- Condition on a carried table: the day that the one to build is made from. -#}
{% macro in_base() -%}
    {%- set days = setting("carried_days") -%}
    {%- if days and days[0].base_ds -%}
        ds = date '{{ days[0].base_ds }}'
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{#- Condition on a raw partition: what the day to build has to add. -#}
{% macro to_carry(column) -%}
    {%- set days = setting("carried_days") -%}
    {%- if not days -%}
        false
    {%- else -%}
        {{ between_days(column, days[0].base_ds, days[0].ds) }}
    {%- endif -%}
{%- endmacro %}

{#- Condition on a carried table: the day that the feature days go on from. -#}
{% macro carried(column) -%}
    {%- set days = setting("feature_days") -%}
    {%- if days and days[0].carried_ds -%}
        {{ column }} = date '{{ days[0].carried_ds }}'
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{#- Condition on a raw partition: what the feature days have to read in addition to the day that is carried. -#}
{% macro since_carried(column, may_be_late=false) -%}
    {%- set days = setting("feature_days") | sort(attribute="ds") -%}
    {%- if not days -%}
        false
    {%- else -%}
        {{ between_days(column, days[0].carried_ds, days[-1].ds, may_be_late) }}
    {%- endif -%}
{%- endmacro %}

{#-
    Days after `first`, if there is one, up to `last`. Actions land on the day they became known, so without
    honour_knowledge_time any later day may hold one that counts.
-#}
{% macro between_days(column, first, last, may_be_late=false) -%}
    {{ column ~ " > date '" ~ first ~ "'" if first else "true" }}
    {%- if not may_be_late or setting("honour_knowledge_time") %}
    and {{ column }} <= date '{{ last }}'
    {%- endif -%}
{%- endmacro %}

{#-
    Actions that `carried_in`, a table of newest actions, has where the first condition holds, and those of the log where
    the second does.
-#}
{% macro known_actions(carried_in, where_carried, where_logged) -%}
    select
        user_id,
        action_id,
        item_id,
        action,
        domain,
        acted_at,
        known_at
    from {{ carried_in }}
    where {{ where_carried }}
    union all
    select
        user_id,
        action_id,
        item_id,
        action,
        domain,
        acted_at,
        {{ counted_from() }} as known_at
    from {{ ref("stg_events__actions") }}
    where {{ where_logged }}
{%- endmacro %}

{#- Users that the log names on the days of a condition; actions may have another one. -#}
{% macro users_named(where, where_actions) -%}
    select
        user_id,
        ds as first_seen_ds
    from {{ ref("stg_events__requests") }}
    where {{ where }}
    union all
    select
        user_id,
        ds as first_seen_ds
    from {{ ref("stg_events__actions") }}
    where {{ where_actions }}
{%- endmacro %}

{#- As users_named, for items that were shown or acted on. -#}
{% macro items_named(where, where_actions) -%}
    select
        item_id,
        ds as first_seen_ds
    from {{ ref("stg_events__candidates") }}
    where is_exposed and {{ where }}
    union all
    select
        item_id,
        ds as first_seen_ds
    from {{ ref("stg_events__actions") }}
    where {{ where_actions }}
{%- endmacro %}

{#- As users_named, for queries of the target domain. -#}
{% macro queries_named(where) -%}
    select
        normalised_query as query_text,
        ds as first_seen_ds
    from {{ ref("stg_events__requests") }}
    where
        domain = '{{ setting("target_domain") }}'
        and normalised_query is not null
        and {{ where }}
{%- endmacro %}
