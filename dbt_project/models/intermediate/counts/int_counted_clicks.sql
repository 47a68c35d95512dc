{#-
    As int_native_clicks, of the rows that were acted on in the days to count: from which day on they count as clicked and
    as purchased, which may be an earlier day, as far back as the longest window. A row counts on its request's day, as
    its exposure does, so that a rate compares the same requests. No action answers a request of a later day.
-#}
with answered as (
    select distinct request_id
    from {{ ref("stg_events__actions") }}
    where action in ('click', 'purchase') and {{ in_days("ds", "count_days") }}
),

actions as (
    select actions.*
    from {{ ref("stg_events__actions") }} as actions
    inner join answered on actions.request_id = answered.request_id
    where
        actions.action in ('click', 'purchase')
        and {{ near_days("actions.ds", "count_days", before=longest_window()) }}
),

requests as (
    select * from {{ ref("stg_events__requests") }}
    where {{ near_days("ds", "count_days", before=longest_window()) }}
)

select
    actions.request_id,
    actions.item_id,
    requests.domain,
    requests.normalised_query,
    requests.ds as event_ds,
    min(actions.ds) as clicked_known_ds,
    min(actions.ds) filter (where actions.action = 'purchase') as purchased_known_ds,
    min(actions.recorded_at) as clicked_recorded_at
from actions
inner join requests
    on
        actions.request_id = requests.request_id
        and actions.user_id = requests.user_id
        and actions.ds >= requests.ds
group by actions.request_id, actions.item_id, requests.domain, requests.normalised_query, requests.ds
