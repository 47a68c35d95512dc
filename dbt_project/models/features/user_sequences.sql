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

described as (
    select
        acts.*,
        coalesce(versions.category_id, '') as category_id,
        coalesce(versions.brand_id, '') as brand_id
    from acts
    asof left join versions
        on acts.item_id = versions.item_id and acts.feature_at > versions.known_from
)

select
    user_id,
    ds,
    feature_at,
    feature_at as recorded_at,
    list(item_id order by place desc) as history_items,
    list(category_id order by place desc) as history_categories,
    list(brand_id order by place desc) as history_brands,
    list(action order by place desc) as history_actions,
    list(domain order by place desc) as history_domains,
    list(cast(epoch_us(acted_at) // 1000000 as bigint) order by place desc) as history_acted_at
from described
group by user_id, ds, feature_at
