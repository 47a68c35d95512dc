with days as (
    select * from {{ ref("int_carried_days") }}
),

logged as (
    select
        user_id,
        first_seen_ds
    from {{ this }}
    where {{ in_base() }}
    union all
    {{ users_named(to_carry("ds"), to_carry("ds")) }}
)

select
    days.ds,
    logged.user_id,
    min(logged.first_seen_ds) as first_seen_ds
from days
cross join logged
group by days.ds, logged.user_id
