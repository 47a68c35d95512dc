with days as (
    select * from {{ ref("int_feature_days") }}
),

counts as (
    select * from {{ ref("int_item_daily_counts") }}
),

versions as (
    select * from {{ ref("int_item_versions") }}
),

windowed as (
    {{ windowed_sums("item_id", ["num_exposures", "num_clicks", "num_purchases", "num_outside_clicks"]) }}
),

means as (
    {{ mean_click_rate() }}
),

seen as (
    select
        item_id,
        min(known_ds) as first_known_ds
    from counts
    group by item_id
),

entities as (
    select
        ds,
        item_id
    from windowed
    union
    select
        days.ds,
        versions.item_id
    from days
    inner join versions
        on days.ds = cast(versions.known_from as date) or (days.is_first and days.feature_at > versions.known_from)
    union
    select
        days.ds,
        seen.item_id
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
        versions.title,
        versions.category_id,
        versions.brand_id,
        versions.shop_id,
        versions.price,
        versions.attributes,
        versions.first_valid_from
    from dated
    {{ asof_join("left", "versions", "item_id", "dated.item_id", "known_from", "<", "dated.feature_at") }}
)

select
    described.item_id,
    described.ds,
    described.feature_at,
    described.feature_at as recorded_at,
    described.title,
    described.category_id,
    described.brand_id,
    described.shop_id,
    described.price,
    {{ sorted_facts("described.attributes") }} as item_attributes,
    {{ microseconds_between(
        "coalesce(described.first_valid_from, cast(seen.first_known_ds as timestamp))", "described.feature_at"
    ) }} / 8.64e10 as item_age_days,
    cast(coalesce(windowed.num_exposures, 0) as bigint) as item_num_exposures,
    cast(coalesce(windowed.num_clicks, 0) as bigint) as item_num_clicks,
    cast(coalesce(windowed.num_purchases, 0) as bigint) as item_num_purchases,
    cast(coalesce(windowed.num_outside_clicks, 0) as bigint) as item_num_outside_clicks,
    {{ smoothed_rate(
        "coalesce(windowed.num_clicks, 0)", "coalesce(windowed.num_exposures, 0)", "coalesce(means.mean_ctr, 0)"
    ) }} as item_ctr
from described
left join windowed on described.ds = windowed.ds and described.item_id = windowed.item_id
left join means on described.ds = means.ds
left join seen on described.item_id = seen.item_id
