{#- As int_item_domain_daily_counts, for queries of the target domain. -#}
with requests as (
    select * from {{ ref("int_recent_requests") }}
    where domain = '{{ setting("target_domain") }}' and normalised_query is not null
),

clicks as (
    select * from {{ ref("int_recent_clicks") }}
    where domain = '{{ setting("target_domain") }}' and normalised_query is not null
)

select
    normalised_query as query_text,
    ds as event_ds,
    ds as known_ds,
    count(*) as num_requests,
    0 as num_exposures,
    0 as num_clicks,
    0 as num_purchases
from requests
group by normalised_query, ds
union all
select
    normalised_query as query_text,
    ds as event_ds,
    ds as known_ds,
    0 as num_requests,
    count(*) as num_exposures,
    0 as num_clicks,
    0 as num_purchases
from {{ ref("int_recent_exposures") }}
where domain = '{{ setting("target_domain") }}' and normalised_query is not null
group by normalised_query, ds
union all
select
    normalised_query as query_text,
    event_ds,
    clicked_known_ds as known_ds,
    0 as num_requests,
    0 as num_exposures,
    count(*) as num_clicks,
    0 as num_purchases
from clicks
group by normalised_query, event_ds, clicked_known_ds
union all
select
    normalised_query as query_text,
    event_ds,
    purchased_known_ds as known_ds,
    0 as num_requests,
    0 as num_exposures,
    0 as num_clicks,
    count(*) as num_purchases
from clicks
where purchased_known_ds is not null
group by normalised_query, event_ds, purchased_known_ds
