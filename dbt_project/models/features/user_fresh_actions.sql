{{ config(days_from="fresh_days") }}

with actions as (
    select * from {{ ref("stg_events__actions") }}
    where {{ in_days("ds" if setting("honour_knowledge_time") else "cast(acted_at as date)", "fresh_days") }}
),

versions as (
    select * from {{ ref("int_item_versions") }}
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

placed as (
    select
        *,
        row_number() over (partition by user_id, ds order by known_at, action_id) as place
    from known
),

moments as (
    select
        user_id,
        ds,
        known_at as feature_at,
        max(place) as last_place
    from placed
    group by user_id, ds, known_at
),

gathered as (
    select
        placed.user_id,
        placed.ds,
        {{ ascending_list(struct_of({
            "place": "placed.place",
            "action_id": "placed.action_id",
            "item_id": "placed.item_id",
            "category_id": "coalesce(versions.category_id, '')",
            "brand_id": "coalesce(versions.brand_id, '')",
            "action": "placed.action",
            "domain": "placed.domain",
            "acted_at": epoch_seconds("placed.acted_at"),
            "known_at": epoch_microseconds("placed.known_at"),
        })) }} as of_day
    from placed
    {{ asof_join("left", "versions", "item_id", "placed.item_id", "known_from", "<", "cast(placed.ds as timestamp)") }}
    group by placed.user_id, placed.ds
),

fresh as (
    select
        moments.user_id,
        moments.ds,
        moments.feature_at,
        {{ last_values("gathered.of_day", "moments.last_place", setting("max_fresh_actions")) }} as acts
    from moments
    inner join gathered on moments.user_id = gathered.user_id and moments.ds = gathered.ds
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
