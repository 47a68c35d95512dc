select
    action_id,
    user_id,
    item_id,
    request_id,
    domain,
    action,
    {{ action_value("quantity", "unit_price") }} as action_value,
    acted_at,
    recorded_at,
    ds
from {{ source("events", "actions") }}
