select
    action_id,
    user_id,
    item_id,
    request_id,
    domain,
    action,
    acted_at,
    recorded_at,
    cast(acted_at as date) as event_ds,
    cast(recorded_at as date) as known_ds
from {{ ref("stg_events__actions") }}
where {{ in_feature_windows("ds", may_be_late=true) }}
