with days as (
    select * from {{ ref("int_feature_days") }}
),

counts as (
    select * from {{ ref("user_counts") }}
    where {{ in_feature_windows("ds") }}
),

versions as (
    select * from {{ ref("int_user_versions") }}
),

seen as (
    select * from {{ ref("int_users_seen") }}
),

windowed as (
    {{ windowed_sums(
        ["user_id"], ["num_prices", "sum_log_price"], by_window=["num_requests", "num_clicks", "num_purchases"]
    ) }}
),

category_shares as (
    select
        ds,
        user_id,
        category_id,
        user_category_share as share
    from {{ ref("user_category_features") }}
    where {{ in_days("ds", "feature_days") }} and user_category_num_actions > 0
),

categories as (
    {{ largest_shares("category_shares", "user_id") }}
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
    cast(coalesce(windowed.num_requests_1d, 0) as bigint) as user_num_requests_1d,
    cast(coalesce(windowed.num_requests_7d, 0) as bigint) as user_num_requests_7d,
    cast(coalesce(windowed.num_requests_30d, 0) as bigint) as user_num_requests_30d,
    cast(coalesce(windowed.num_clicks_1d, 0) as bigint) as user_num_clicks_1d,
    cast(coalesce(windowed.num_clicks_7d, 0) as bigint) as user_num_clicks_7d,
    cast(coalesce(windowed.num_clicks_30d, 0) as bigint) as user_num_clicks_30d,
    cast(coalesce(windowed.num_purchases_1d, 0) as bigint) as user_num_purchases_1d,
    cast(coalesce(windowed.num_purchases_7d, 0) as bigint) as user_num_purchases_7d,
    cast(coalesce(windowed.num_purchases_30d, 0) as bigint) as user_num_purchases_30d,
    cast(windowed.sum_log_price as double) / nullif(windowed.num_prices, 0) as user_mean_log_price,
    {{ plucked("categories.largest", "category_id") }} as user_categories,
    {{ plucked("categories.largest", "share") }} as user_category_shares
from described
left join windowed on described.ds = windowed.ds and described.user_id = windowed.user_id
left join categories on described.ds = categories.ds and described.user_id = categories.user_id
