{#- Each day's newest actions, from those that are carried and those that became known since. -#}
with days as (
    select * from {{ ref("int_feature_days") }}
),

versions as (
    select * from {{ ref("item_versions") }}
),

eligible as (
    {{ known_actions(ref("newest_actions"), carried("ds"), since_carried(counted_day())) }}
),

recent_actions as (
    select
        days.ds,
        days.feature_at,
        eligible.user_id,
        {{ newest_actions("eligible") }} as newest_first
    from days
    inner join eligible on days.feature_at > eligible.known_at
    group by days.ds, days.feature_at, eligible.user_id
    having
        bool_or(
            days.is_first
            or cast(eligible.known_at as date) = days.ds
            or cast(eligible.acted_at as date) >= days.ds - {{ longest_window() }}
        )
),

acts as (
    select
        ds,
        feature_at,
        user_id,
        {{ exploded("newest_first", "act", "place") }}
    from recent_actions
),

gathered as (
    select
        acts.user_id,
        acts.ds,
        acts.feature_at,
        {{ descending_list(struct_of({
            "place": "acts.place",
            "item_id": "acts.act.item_id",
            "category_id": "coalesce(versions.category_id, '')",
            "brand_id": "coalesce(versions.brand_id, '')",
            "action": "acts.act.action",
            "domain": "acts.act.domain",
            "acted_at": epoch_seconds("acts.act.acted_at"),
        })) }} as history
    from acts
    {{ asof_join("left", "versions", "item_id", "acts.act.item_id", "known_from", "<", hours_after(
        "cast(cast(acts.act.known_at as date) as timestamp)", 24
    )) }}
    group by acts.user_id, acts.ds, acts.feature_at
)

select
    gathered.user_id,
    gathered.ds,
    gathered.feature_at,
    gathered.feature_at as recorded_at,
    {{ plucked("gathered.history", "item_id") }} as history_items,
    {{ plucked("gathered.history", "category_id") }} as history_categories,
    {{ plucked("gathered.history", "brand_id") }} as history_brands,
    {{ plucked("gathered.history", "action") }} as history_actions,
    {{ plucked("gathered.history", "domain") }} as history_domains,
    {{ plucked("gathered.history", "acted_at") }} as history_acted_at,
    {{ epoch_microseconds("gathered.feature_at") }} as history_known_until
from gathered
