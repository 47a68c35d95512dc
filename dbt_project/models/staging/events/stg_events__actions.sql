select
    action_id,
    user_id,
    item_id,
    request_id,
    domain,
    action,
    coalesce(quantity, 1) * coalesce(unit_price, 0) as action_value,
    acted_at,
    recorded_at,
    ds
from {{ source("events", "actions") }}
