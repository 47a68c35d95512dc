{#- Each action with the price of its item as known when the user acted. -#}
with actions as (
    select * from {{ ref("stg_events__actions") }}
),

versions as (
    select * from {{ ref("int_item_versions") }}
)

select
    actions.action_id,
    actions.user_id,
    actions.action,
    versions.price,
    actions.acted_at,
    actions.recorded_at
from actions
{{ asof_join("left", "versions", "item_id", "actions.item_id", "known_from", "<=", "actions.acted_at") }}
