{{ config(days_from="fresh_days") }}

with actions as (
    select * from {{ ref("stg_events__actions") }}
    where {{ in_days("ds" if var("honour_knowledge_time") else "cast(acted_at as date)", "fresh_days") }}
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

acts as (
    select
        moments.feature_at,
        placed.*
    from moments
    inner join placed
        on
            moments.user_id = placed.user_id
            and moments.ds = placed.ds
            and moments.last_place >= placed.place
            and moments.last_place < placed.place + {{ var("max_fresh_actions") }}
),

gathered as (
    select
        acts.user_id,
        acts.ds,
        acts.feature_at,
        {{ ascending_list(struct_of({
            "place": "acts.place",
            "action_id": "acts.action_id",
            "item_id": "acts.item_id",
            "category_id": "coalesce(versions.category_id, '')",
            "brand_id": "coalesce(versions.brand_id, '')",
            "action": "acts.action",
            "domain": "acts.domain",
            "acted_at": epoch_seconds("acts.acted_at"),
            "known_at": epoch_microseconds("acts.known_at"),
        })) }} as fresh
    from acts
    {{ asof_join("left", "versions", "item_id", "acts.item_id", "known_from", "<", "cast(acts.ds as timestamp)") }}
    group by acts.user_id, acts.ds, acts.feature_at
)

select
    gathered.user_id,
    gathered.ds,
    gathered.feature_at,
    gathered.feature_at as recorded_at,
    {{ plucked("gathered.fresh", "action_id") }} as fresh_action_ids,
    {{ plucked("gathered.fresh", "item_id") }} as fresh_items,
    {{ plucked("gathered.fresh", "category_id") }} as fresh_categories,
    {{ plucked("gathered.fresh", "brand_id") }} as fresh_brands,
    {{ plucked("gathered.fresh", "action") }} as fresh_actions,
    {{ plucked("gathered.fresh", "domain") }} as fresh_domains,
    {{ plucked("gathered.fresh", "acted_at") }} as fresh_acted_at,
    {{ plucked("gathered.fresh", "known_at") }} as fresh_known_at
from gathered
