with days as (
    select * from {{ ref("int_feature_days") }}
),

actions as (
    select * from {{ ref("stg_events__actions") }}
),

versions as (
    select * from {{ ref("int_item_versions") }}
),

recent_actions as (
    select
        days.ds,
        days.feature_at,
        actions.user_id,
        max_by(
            struct_pack(
                item_id := actions.item_id,
                action := actions.action,
                domain := actions.domain,
                acted_at := actions.acted_at
            ),
            struct_pack(acted_at := actions.acted_at, action_id := actions.action_id),
            {{ var("sequence_length") }}
        ) as newest_first
    from days
    inner join actions on days.feature_at > actions.recorded_at
    group by days.ds, days.feature_at, actions.user_id
    having
        bool_or(
            days.is_first
            or cast(actions.recorded_at as date) = days.ds
            or cast(actions.acted_at as date) >= days.ds - {{ var("feature_window_days") }}
        )
),

acts as (
    select
        ds,
        feature_at,
        user_id,
        unnest(newest_first, recursive := true),  -- noqa: AL03, gives one column per field
        generate_subscripts(newest_first, 1) as place
    from recent_actions
),

-- Lists are sorted after they are gathered: an ordered aggregate keeps a sorter per group and column in memory.
gathered as (
    select
        acts.user_id,
        acts.ds,
        acts.feature_at,
        list_reverse_sort(
            list(
                struct_pack(
                    place := acts.place,
                    item_id := acts.item_id,
                    category_id := coalesce(versions.category_id, ''),
                    brand_id := coalesce(versions.brand_id, ''),
                    action := acts.action,
                    domain := acts.domain,
                    acted_at := cast(epoch_us(acts.acted_at) // 1000000 as bigint)
                )
            )
        ) as history
    from acts
    asof left join versions
        on acts.item_id = versions.item_id and acts.feature_at > versions.known_from
    group by acts.user_id, acts.ds, acts.feature_at
)

select
    gathered.user_id,
    gathered.ds,
    gathered.feature_at,
    gathered.feature_at as recorded_at,
    [act.item_id for act in gathered.history] as history_items,
    [act.category_id for act in gathered.history] as history_categories,
    [act.brand_id for act in gathered.history] as history_brands,
    [act.action for act in gathered.history] as history_actions,
    [act.domain for act in gathered.history] as history_domains,
    [act.acted_at for act in gathered.history] as history_acted_at
from gathered
