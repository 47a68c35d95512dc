{#-
    Additive counts by the day of the event and the day it became known, so that any window at any knowledge time is a
    sum. A native click counts on its request's day, as its exposure does: a click rate compares the same requests.
-#}
with requests as (
    select * from {{ ref("stg_events__requests") }}
),

exposures as (
    select
        candidates.item_id,
        requests.ds as event_ds,
        requests.ds as known_ds,
        count(*) as num_exposures,
        0 as num_clicks,
        0 as num_purchases,
        0 as num_outside_clicks
    from {{ ref("stg_events__candidates") }} as candidates
    inner join requests on candidates.request_id = requests.request_id
    where candidates.is_exposed and requests.domain = '{{ var("target_domain") }}'
    group by candidates.item_id, requests.ds
),

clicks as (
    select
        item_id,
        request_ds as event_ds,
        cast(clicked_recorded_at as date) as known_ds,
        0 as num_exposures,
        count(*) as num_clicks,
        0 as num_purchases,
        0 as num_outside_clicks
    from {{ ref("int_native_clicks") }}
    where request_domain = '{{ var("target_domain") }}'
    group by item_id, request_ds, cast(clicked_recorded_at as date)
),

actions as (
    select
        item_id,
        cast(acted_at as date) as event_ds,
        cast(recorded_at as date) as known_ds,
        0 as num_exposures,
        0 as num_clicks,
        count_if(action = 'purchase') as num_purchases,
        count_if(action = 'click' and domain != '{{ var("target_domain") }}') as num_outside_clicks
    from {{ ref("stg_events__actions") }}
    group by item_id, cast(acted_at as date), cast(recorded_at as date)
)

select * from exposures
union all
select * from clicks
union all
select * from actions
