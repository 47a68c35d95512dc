{#-
    What was known of an item, from when on. A version can be used once it is valid and recorded; one that arrives
    after a newer version is superseded on arrival and left out, so the last row at a time is the newest version known.
-#}
with items as (
    select
        *,
        greatest(valid_from, recorded_at) as known_from
    from {{ ref("stg_events__items") }}
),

ordered as (
    select
        *,
        max(valid_from) over arrivals as newest_valid_from,
        min(valid_from) over arrivals as first_valid_from,
        row_number() over (
            partition by item_id, known_from order by valid_from desc, recorded_at desc
        ) as place_among_equals
    from items
    window arrivals as (
        partition by item_id order by known_from, valid_from, recorded_at rows unbounded preceding
    )
)

select
    item_id,
    title,
    category_id,
    brand_id,
    shop_id,
    price,
    attributes,
    valid_from,
    first_valid_from,
    known_from
from ordered
where valid_from = newest_valid_from and place_among_equals = 1
