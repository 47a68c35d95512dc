with days as (
    select * from {{ ref("int_carried_days") }}
),

logged as (
    select
        query_text,
        first_seen_ds
    from {{ this }}
    where {{ in_base() }}
    union all
    {{ queries_named(to_carry("ds")) }}
)

select
    days.ds,
    logged.query_text,
    min(logged.first_seen_ds) as first_seen_ds
from days
cross join logged
group by days.ds, logged.query_text
