with days as (
    select * from {{ ref("int_feature_days") }}
),

counts as (
    select * from {{ ref("int_query_daily_counts") }}
),

-- One day more than the window, so that the counts of a query fall back to 0 when its last event leaves the window.
windowed as (
    select
        days.ds,
        counts.query_text,
        sum(counts.num_requests) filter (where {{ in_window("counts.event_ds") }}) as num_requests,
        sum(counts.num_exposures) filter (where {{ in_window("counts.event_ds") }}) as num_exposures,
        sum(counts.num_clicks) filter (where {{ in_window("counts.event_ds") }}) as num_clicks
    from days
    inner join counts
        on
            days.ds >= counts.known_ds
            and days.ds >= counts.event_ds
            and days.ds <= counts.event_ds + {{ var("feature_window_days") }}
    group by days.ds, counts.query_text
),

means as (
    select
        ds,
        coalesce(cast(sum(num_clicks) as double) / nullif(sum(num_exposures), 0), 0) as mean_ctr
    from windowed
    group by ds
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
