select
    request_id,
    item_id
from {{ ref("fct_exposures") }}
where
    {{ in_days("ds", "request_days") }}
    and (is_purchased and not is_clicked or purchase_value < 0 or purchase_value > 0 and not is_purchased)
