{#-
    As int_native_clicks, of the requests that feature windows reach. A row counts on its request's day, as its exposure
    does, so that a rate compares the same requests. No action answers a request of a later day.
-#}
with actions as (
    select * from {{ ref("int_recent_actions") }}
    where action in ('click', 'purchase')
),

requests as (
    select * from {{ ref("int_recent_requests") }}
)

select
    actions.request_id,
    actions.item_id,
    requests.domain,
    requests.normalised_query,
    requests.ds as event_ds,
    min(actions.known_ds) as clicked_known_ds,
    min(actions.known_ds) filter (where actions.action = 'purchase') as purchased_known_ds,
    min(actions.recorded_at) as clicked_recorded_at
from actions
inner join requests
    on
        actions.request_id = requests.request_id
        and actions.user_id = requests.user_id
        and actions.known_ds >= requests.ds
group by actions.request_id, actions.item_id, requests.domain, requests.normalised_query, requests.ds
