with requests as (
    select * from {{ ref("stg_events__requests") }}
    where
        domain = '{{ setting("target_domain") }}'
        and normalised_query is not null
        and {{ in_days("ds", "count_days") }}
),

exposures as (
    select * from {{ ref("int_counted_exposures") }}
    where domain = '{{ setting("target_domain") }}' and normalised_query is not null
),

clicks as (
    select * from {{ ref("int_counted_clicks") }}
    where domain = '{{ setting("target_domain") }}' and normalised_query is not null
),

versions as (
    select * from {{ ref("item_versions") }}
),

events as (
    select
        ds,
        normalised_query as query_text,
        null as category_id,
        ds as event_ds,
        1 as num_requests,
        0 as num_exposures,
        0 as num_clicks,
        0 as num_purchases
    from requests
    union all
    select
        ds,
        normalised_query as query_text,
        null as category_id,
        ds as event_ds,
        0 as num_requests,
        1 as num_exposures,
        0 as num_clicks,
        0 as num_purchases
    from exposures
    union all
    select
        clicks.clicked_known_ds as ds,
        clicks.normalised_query as query_text,
        versions.category_id,
        clicks.event_ds,
        0 as num_requests,
        0 as num_exposures,
        1 as num_clicks,
        0 as num_purchases
    from clicks
    {{ asof_join("left", "versions", "item_id", "clicks.item_id", "known_from", "<=", "clicks.clicked_recorded_at") }}
    where {{ counts_on("clicks.clicked_known_ds") }}
    union all
    select
        purchased_known_ds as ds,
        normalised_query as query_text,
        null as category_id,
        event_ds,
        0 as num_requests,
        0 as num_exposures,
        0 as num_clicks,
        1 as num_purchases
    from clicks
    where {{ counts_on("purchased_known_ds") }}
)

select
    ds,
    query_text,
    category_id,
    event_ds,
    cast(sum(num_requests) as bigint) as num_requests,
    cast(sum(num_exposures) as bigint) as num_exposures,
    cast(sum(num_clicks) as bigint) as num_clicks,
    cast(sum(num_purchases) as bigint) as num_purchases
from events
group by ds, query_text, category_id, event_ds
