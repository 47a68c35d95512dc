{#-
    What was known of an item, from when on. A version can be used once it is valid and recorded; one that arrives
    after a newer version is superseded on arrival and left out, so the last row at a time is the newest version known.
    Of versions known before the days to build only identifiers and times are read.
-#}
{{ config(days_from="version_days") }}

with items as (
    select
        *,
        greatest(valid_from, recorded_at) as known_from
    from {{ ref("stg_events__items") }}
),

arrivals as (
    select * from items
    where {{ near_days("ds", "version_days") }}
    union all
    -- Recorded before, and valid only from one of the days on.
    select * from items
    where {{ before_days("ds", "version_days") }} and {{ near_days("valid_from", "version_days", after=1) }}
),

earlier as (
    select
        item_id,
        max(valid_from) as newest_valid_from,
        min(valid_from) as first_valid_from
    from items
    where
        {{ before_days("ds", "version_days") }}
        and {{ before_days("valid_from", "version_days") }}
        and item_id in (select arrivals.item_id from arrivals)
    group by item_id
),

ordered as (
    select
        arrivals.*,
        greatest(earlier.newest_valid_from, max(arrivals.valid_from) over arrived) as newest_valid_from,
        least(earlier.first_valid_from, min(arrivals.valid_from) over arrived) as first_valid_from,
        row_number() over (
            partition by arrivals.item_id, arrivals.known_from
            order by arrivals.valid_from desc, arrivals.recorded_at desc
        ) as place_among_equals
    from arrivals
    left join earlier on arrivals.item_id = earlier.item_id
    window arrived as (
        partition by arrivals.item_id
        order by arrivals.known_from, arrivals.valid_from, arrivals.recorded_at
        rows unbounded preceding
    )
)

select
    cast(known_from as date) as ds,
    item_id,
    known_from,
    valid_from,
    recorded_at,
    first_valid_from,
    title,
    category_id,
    brand_id,
    shop_id,
    price,
    attributes
from ordered
where
    valid_from = newest_valid_from
    and place_among_equals = 1
    and {{ in_days("cast(known_from as date)", "version_days") }}
