with days as (
    select * from {{ ref("int_feature_days") }}
),

counts as (
    select * from {{ ref("query_counts") }}
    where {{ in_feature_windows("ds") }}
),

category_counts as (
    select * from counts
    where category_id is not null
),

seen as (
    select * from {{ ref("int_queries_seen") }}
),

windowed as (
    {{ windowed_sums(
        ["query_text"], ["num_exposures", "num_clicks", "num_purchases"], by_window=["num_requests"]
    ) }}
),

means as (
    {{ mean_rates("windowed", ["ds"]) }}
),

category_windowed as (
    {{ windowed_sums(["query_text", "category_id"], ["num_clicks"], counts="category_counts") }}
),

category_shares as (
    select
        ds,
        query_text,
        category_id,
        cast(num_clicks as double) / sum(num_clicks) over (partition by ds, query_text) as share
    from category_windowed
    where num_clicks > 0
),

categories as (
    {{ largest_shares("category_shares", "query_text") }}
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
    cast(coalesce(windowed.num_requests_1d, 0) as bigint) as query_num_requests_1d,
    cast(coalesce(windowed.num_requests_7d, 0) as bigint) as query_num_requests_7d,
    cast(coalesce(windowed.num_requests_30d, 0) as bigint) as query_num_requests_30d,
    cast(coalesce(windowed.num_clicks, 0) as bigint) as query_num_clicks,
    cast(coalesce(windowed.num_purchases, 0) as bigint) as query_num_purchases,
    {{ smoothed_rate(
        "coalesce(windowed.num_clicks, 0)",
        "coalesce(windowed.num_exposures, 0)",
        "coalesce(means.mean_ctr, 0)",
        "ctr_prior_exposures",
    ) }} as query_ctr,
    {{ smoothed_rate(
        "coalesce(windowed.num_purchases, 0)",
        "coalesce(windowed.num_clicks, 0)",
        "coalesce(means.mean_cvr, 0)",
        "cvr_prior_clicks",
    ) }} as query_cvr,
    {{ plucked("categories.largest", "category_id") }} as query_categories,
    {{ plucked("categories.largest", "share") }} as query_category_shares
from entities
inner join days on entities.ds = days.ds
left join windowed on entities.ds = windowed.ds and entities.query_text = windowed.query_text
left join means on entities.ds = means.ds
left join categories on entities.ds = categories.ds and entities.query_text = categories.query_text
