{#-
    Outside is what did not happen in a target-domain request. An action whose request is not in the lake, or is older
    than attribution reaches back, is judged by its own domain: a native click must not become evidence for another
    request.
-#}
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
    actions.user_id,
    actions.item_id,
    actions.domain as action_domain,
    actions.action,
    case actions.action when 'purchase' then actions.action_value else 0 end as action_value,
    actions.acted_at,
    actions.recorded_at
from actions
left join requests on actions.request_id = requests.request_id
where
    actions.action in ('click', 'purchase')
    and {{ is_outside("actions.request_id", "requests.domain", "actions.domain") }}
