with days as (
    select * from {{ ref("int_carried_days") }}
),

logged as (
    select
        item_id,
        first_seen_ds
    from {{ this }}
    where {{ in_base() }}
    union all
    select
        item_id,
        ds as first_seen_ds
    from {{ ref("stg_events__candidates") }}
    where is_exposed and {{ to_carry("ds") }}
    union all
    select
        item_id,
        ds as first_seen_ds
    from {{ ref("stg_events__actions") }}
    where {{ to_carry("ds") }}
)

select
    days.ds,
    logged.item_id,
    min(logged.first_seen_ds) as first_seen_ds
from days
cross join logged
group by days.ds, logged.item_id
