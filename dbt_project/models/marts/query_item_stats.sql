{{ config(days_from="query_stat_days") }}

with days as (
    select * from {{ ref("int_query_stat_days") }}
),

query_clicks as (
    select * from {{ ref("int_query_clicks") }}
),

versions as (
    select * from {{ ref("item_versions") }}
),

clicks as (
    select
        days.ds,
        query_clicks.normalised_query as query_text,
        query_clicks.item_id,
        count(*) as num_clicks
    from days
    inner join query_clicks
        on
            query_clicks.request_ds between days.ds - {{ setting("query_history_days") }} and days.ds - 1
            and query_clicks.clicked_recorded_at < cast(days.ds as timestamp)
    group by days.ds, query_clicks.normalised_query, query_clicks.item_id
),

pairs as (
    select
        clicks.ds,
        clicks.query_text,
        versions.category_id,
        sum(clicks.num_clicks) as num_clicks
    from clicks
    {{ asof_join("inner", "versions", "item_id", "clicks.item_id", "known_from", "<", "cast(clicks.ds as timestamp)") }}
    where versions.category_id is not null
    group by clicks.ds, clicks.query_text, versions.category_id
),

totals as (
    select
        *,
        sum(num_clicks) over (partition by ds, query_text) as num_query_clicks,
        sum(num_clicks) over (partition by ds, category_id) as num_category_clicks,
        sum(num_clicks) over (partition by ds) as num_all_clicks
    from pairs
),

smoothed as (
    select
        *,
        num_clicks
        + {{ setting("query_prior_clicks") }} * cast(num_category_clicks as double) / num_all_clicks as likely_clicks,
        num_query_clicks + cast({{ setting("query_prior_clicks") }} as double) as likely_query_clicks
    from totals
)

select
    ds,
    query_text,
    category_id,
    cast(num_clicks as bigint) as num_clicks,
    cast(num_query_clicks as bigint) as num_query_clicks,
    cast(num_category_clicks as bigint) as num_category_clicks,
    {{ wilson_lower("likely_clicks", "likely_query_clicks") }} as confidence
from smoothed
