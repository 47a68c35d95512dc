{#-
    A version per user and moment, each with the newest actions up to it: a frame of fixed length over the user's day,
    so that the work grows with the actions and not with their square. What a crawler or a shared till does beyond
    max_fresh_versions moments of a day makes no more versions.
-#}
{{ config(days_from="fresh_days") }}
{%- set order = "known_at, " ~ epoch_seconds("acted_at") ~ ", action_id" %}

with actions as (
    select * from {{ ref("stg_events__actions") }}
    where {{ in_days(counted_day(), "fresh_days") }}
),

versions as (
    select * from {{ ref("item_versions") }}
),

known as (
    select
        user_id,
        action_id,
        item_id,
        action,
        domain,
        acted_at,
        {{ counted_from() }} as known_at,
        cast({{ counted_from() }} as date) as ds
    from actions
),

numbered as (
    select
        *,
        dense_rank() over (partition by user_id, ds order by known_at) as version
    from known
),

described as (
    select
        numbered.*,
        coalesce(versions.category_id, '') as category_id,
        coalesce(versions.brand_id, '') as brand_id
    from numbered
    {{ asof_join(
        "left", "versions", "item_id", "numbered.item_id", "known_from", "<", "cast(numbered.ds as timestamp)"
    ) }}
    where numbered.version <= {{ setting("max_fresh_versions") }}
),

gathered as (
    select
        user_id,
        ds,
        known_at as feature_at,
        lead(known_at) over (partition by user_id, ds order by {{ order }}) as next_at,
        {{ newest_up_to_here(struct_of({
            "action_id": "action_id",
            "item_id": "item_id",
            "category_id": "category_id",
            "brand_id": "brand_id",
            "action": "action",
            "domain": "domain",
            "acted_at": epoch_seconds("acted_at"),
            "known_at": epoch_microseconds("known_at"),
        }), "user_id, ds", order, setting("max_fresh_actions")) }} as acts
    from described
),

fresh as (
    select * from gathered
    where feature_at != next_at or next_at is null
)

select
    fresh.user_id,
    fresh.ds,
    fresh.feature_at,
    fresh.feature_at as recorded_at,
    {{ plucked("fresh.acts", "action_id") }} as fresh_action_ids,
    {{ plucked("fresh.acts", "item_id") }} as fresh_items,
    {{ plucked("fresh.acts", "category_id") }} as fresh_categories,
    {{ plucked("fresh.acts", "brand_id") }} as fresh_brands,
    {{ plucked("fresh.acts", "action") }} as fresh_actions,
    {{ plucked("fresh.acts", "domain") }} as fresh_domains,
    {{ plucked("fresh.acts", "acted_at") }} as fresh_acted_at,
    {{ plucked("fresh.acts", "known_at") }} as fresh_known_at
from fresh
