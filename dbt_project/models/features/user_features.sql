with days as (
    select * from {{ ref("int_feature_days") }}
),

counts as (
    select * from {{ ref("int_user_daily_counts") }}
),

versions as (
    select * from {{ ref("int_user_versions") }}
),

windowed as (
    {{ windowed_sums("user_id", ["num_requests", "num_clicks", "num_purchases", "num_prices", "sum_log_price"]) }}
),

seen as (
    select
        user_id,
        min(known_ds) as first_known_ds
    from counts
    group by user_id
),

entities as (
    select
        ds,
        user_id
    from windowed
    union
    select
        days.ds,
        versions.user_id
    from days
    inner join versions
        on days.ds = cast(versions.known_from as date) or (days.is_first and days.feature_at > versions.known_from)
    union
    select
        days.ds,
        seen.user_id
    from days
    inner join seen on days.is_first and days.ds >= seen.first_known_ds
),

dated as (
    select
        entities.*,
        days.feature_at
    from entities
    inner join days on entities.ds = days.ds
),

described as (
    select
        dated.*,
        versions.attributes
    from dated
    {{ asof_join("left", "versions", "user_id", "dated.user_id", "known_from", "<", "dated.feature_at") }}
)

select
    described.user_id,
    described.ds,
    described.feature_at,
    described.feature_at as recorded_at,
    {{ sorted_facts("described.attributes") }} as user_attributes,
    cast(coalesce(windowed.num_requests, 0) as bigint) as user_num_requests,
    cast(coalesce(windowed.num_clicks, 0) as bigint) as user_num_clicks,
    cast(coalesce(windowed.num_purchases, 0) as bigint) as user_num_purchases,
    cast(windowed.sum_log_price as double) / nullif(windowed.num_prices, 0) as user_mean_log_price
from described
left join windowed on described.ds = windowed.ds and described.user_id = windowed.user_id
