select
    item_id,
    min(ds) as first_known_ds
from (
    select
        item_id,
        ds
    from {{ ref("stg_events__candidates") }}
    where is_exposed
    union all
    select
        item_id,
        ds
    from {{ ref("stg_events__actions") }}
) as seen
group by item_id
