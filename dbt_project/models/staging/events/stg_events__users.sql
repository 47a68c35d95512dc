select
    user_id,
    attributes,
    valid_from,
    recorded_at,
    ds
from {{ source("events", "users") }}
