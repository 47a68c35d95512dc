{#- As int_item_daily_counts, for queries of the target domain. -#}
with requests as (
    select * from {{ ref("stg_events__requests") }}
    where domain = '{{ var("target_domain") }}' and normalised_query is not null
),

requested as (
    select
        normalised_query as query_text,
        ds as event_ds,
        ds as known_ds,
        count(*) as num_requests,
        0 as num_exposures,
        0 as num_clicks
    from requests
    group by normalised_query, ds
),

exposures as (
    select
        requests.normalised_query as query_text,
        requests.ds as event_ds,
        requests.ds as known_ds,
        0 as num_requests,
        count(*) as num_exposures,
        0 as num_clicks
    from {{ ref("stg_events__candidates") }} as candidates
    inner join requests on candidates.request_id = requests.request_id
    where candidates.is_exposed
    group by requests.normalised_query, requests.ds
),

clicks as (
    select
        normalised_query as query_text,
        request_ds as event_ds,
        cast(clicked_recorded_at as date) as known_ds,
        0 as num_requests,
        0 as num_exposures,
        count(*) as num_clicks
    from {{ ref("int_native_clicks") }}
    where request_domain = '{{ var("target_domain") }}' and normalised_query is not null
    group by normalised_query, request_ds, cast(clicked_recorded_at as date)
)

select * from requested
union all
select * from exposures
union all
select * from clicks
