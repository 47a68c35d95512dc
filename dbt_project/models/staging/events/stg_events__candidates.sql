select
    request_id,
    item_id,
    is_exposed,
    position,
    logged_score,
    propensity,
    ds
from {{ source("events", "candidates") }}
