{#- Each action with what was known of its item when the user acted. -#}
with actions as (
    select * from {{ ref("stg_events__actions") }}
    where {{ in_feature_windows("ds", may_be_late=true) }}
),

versions as (
    select * from {{ ref("item_versions") }}
)

select
    actions.action_id,
    actions.user_id,
    actions.item_id,
    actions.request_id,
    actions.domain,
    actions.action,
    actions.acted_at,
    actions.recorded_at,
    versions.category_id,
    versions.price,
    cast(actions.acted_at as date) as event_ds,
    cast(actions.recorded_at as date) as known_ds
from actions
{{ asof_join("left", "versions", "item_id", "actions.item_id", "known_from", "<=", "actions.acted_at") }}
