with days as (
    select * from {{ ref("int_feature_days") }}
),

counts as (
    select * from {{ ref("user_category_counts") }}
    where {{ in_feature_windows("ds") }}
),

windowed as (
    {{ windowed_sums(
        ["user_id", "category_id"], ["num_actions", "num_clicks", "num_purchases"], newest=["last_acted_at"]
    ) }}
),

totals as (
    select
        ds,
        user_id,
        sum(num_actions) as num_actions
    from windowed
    group by ds, user_id
)

select
    windowed.user_id,
    windowed.category_id,
    windowed.ds,
    days.feature_at,
    days.feature_at as recorded_at,
    cast(windowed.num_actions as bigint) as user_category_num_actions,
    cast(windowed.num_clicks as bigint) as user_category_num_clicks,
    cast(windowed.num_purchases as bigint) as user_category_num_purchases,
    coalesce(cast(windowed.num_actions as double) / nullif(totals.num_actions, 0), 0) as user_category_share,
    {{ epoch_seconds("windowed.last_acted_at") }} as user_category_last_acted_at
from windowed
inner join days on windowed.ds = days.ds
inner join totals on windowed.ds = totals.ds and windowed.user_id = totals.user_id
