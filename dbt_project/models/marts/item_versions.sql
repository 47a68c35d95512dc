{#-
    What was known of an item, from when on. A version can be used once it is valid and recorded; one that arrives
    after a newer version is superseded on arrival and left out, so the last row at a time is the newest version known.
    Of versions known before the days to build only identifiers and times are read.
-#}
{{ config(days_from="version_days") }}

with items as (
    select
        *,
        {{ known_from() }} as known_from
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

placed as (
    select
        *,
        {{ so_far("max", "item_id") }} as newest_arrived,
        {{ so_far("min", "item_id") }} as first_arrived,
        {{ place_among_equals("item_id") }} as place_among_equals
    from arrivals
),

ordered as (
    select
        placed.*,
        greatest(earlier.newest_valid_from, placed.newest_arrived) as newest_valid_from,
        least(earlier.first_valid_from, placed.first_arrived) as first_valid_from
    from placed
    left join earlier on placed.item_id = earlier.item_id
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
    {{ is_known_version() }}
    and {{ in_days("cast(known_from as date)", "version_days") }}
