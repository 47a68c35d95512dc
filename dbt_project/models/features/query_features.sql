with days as (
    select * from {{ ref("int_feature_days") }}
),

counts as (
    select * from {{ ref("int_query_daily_counts") }}
),

windowed as (
    {{ windowed_sums("query_text", ["num_requests", "num_exposures", "num_clicks"]) }}
),

means as (
    {{ mean_click_rate() }}
),

seen as (
    select
        query_text,
        min(known_ds) as first_known_ds
    from counts
    group by query_text
),

entities as (
    select
        ds,
        query_text
    from windowed
    union
    select
        days.ds,
        seen.query_text
    from days
    inner join seen on days.is_first and days.ds >= seen.first_known_ds
)

select
    entities.query_text,
    entities.ds,
    days.feature_at,
    days.feature_at as recorded_at,
    cast(coalesce(windowed.num_requests, 0) as bigint) as query_num_requests,
    cast(coalesce(windowed.num_clicks, 0) as bigint) as query_num_clicks,
    {{ smoothed_rate(
        "coalesce(windowed.num_clicks, 0)", "coalesce(windowed.num_exposures, 0)", "coalesce(means.mean_ctr, 0)"
    ) }} as query_ctr
from entities
inner join days on entities.ds = days.ds
left join windowed on entities.ds = windowed.ds and entities.query_text = windowed.query_text
left join means on entities.ds = means.ds
