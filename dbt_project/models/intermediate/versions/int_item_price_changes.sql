{#- Versions without a price change nothing. A corrected price is a change too: another one was known before. -#}
with priced as (
    select
        item_id,
        price,
        valid_from,
        known_from,
        lag(price) over (partition by item_id order by known_from) as previous_price
    from {{ ref("item_versions") }}
    where price is not null
)

select
    item_id,
    previous_price,
    valid_from as changed_at,
    known_from
from priced
where price != previous_price
