select
    item_id,
    title,
    category_id,
    brand_id,
    shop_id,
    price,
    attributes,
    valid_from,
    recorded_at,
    ds
from {{ source("events", "items") }}
