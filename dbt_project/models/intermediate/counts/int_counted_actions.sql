{#- Each action with what was known of its item when the user acted. -#}
with actions as (
    select * from {{ ref("stg_events__actions") }}
    where {{ in_days("ds", "count_days") }}
),

versions as (
    select * from {{ ref("item_versions") }}
)

select
    actions.user_id,
    actions.action,
    actions.acted_at,
    actions.ds,
    cast(actions.acted_at as date) as event_ds,
    versions.category_id,
    versions.price
from actions
{{ asof_join("left", "versions", "item_id", "actions.item_id", "known_from", "<=", "actions.acted_at") }}
