with actions as (
    select * from {{ ref("stg_events__actions") }}
    where {{ near_requests("ds") }}
),

requests as (
    select * from {{ ref("stg_events__requests") }}
    where {{ near_requests("ds") }}
)

select
    actions.action_id,
    actions.request_id,
    actions.item_id,
    actions.user_id,
    actions.action,
    actions.action_value,
    actions.acted_at,
    actions.recorded_at,
    requests.ds as request_ds
from actions
inner join requests
    on actions.request_id = requests.request_id and actions.user_id = requests.user_id
