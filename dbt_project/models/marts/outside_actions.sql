{#-
    A native click must not become evidence for another request: an action whose request is not in the log, or is older
    than the longest window, is judged by its own domain.
-#}
{{ config(days_from="outside_days") }}

with actions as (
    select * from {{ ref("stg_events__actions") }}
    where action in ('click', 'purchase') and {{ in_days("ds", "outside_days") }}
),

requests as (
    select * from {{ ref("stg_events__requests") }}
    where {{ near_days("ds", "outside_days", before=longest_window()) }}
)

select
    actions.ds,
    actions.action_id,
    actions.user_id,
    actions.item_id,
    actions.domain,
    actions.action,
    actions.acted_at,
    actions.recorded_at,
    case actions.action when 'purchase' then actions.action_value else 0 end as action_value,
    requests.request_id,
    requests.ds as request_ds
from actions
left join requests
    on
        actions.request_id = requests.request_id
        and actions.ds between requests.ds and requests.ds + {{ longest_window() }}
where {{ is_outside("actions.request_id", "requests.domain", "actions.domain") }}
