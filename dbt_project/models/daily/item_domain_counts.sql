with clicks as (
    select * from {{ ref("int_counted_clicks") }}
),

events as (
    select
        ds,
        item_id,
        domain,
        ds as event_ds,
        1 as num_exposures,
        0 as num_clicks,
        0 as num_purchases
    from {{ ref("int_counted_exposures") }}
    union all
    select
        clicked_known_ds as ds,
        item_id,
        domain,
        event_ds,
        0 as num_exposures,
        1 as num_clicks,
        0 as num_purchases
    from clicks
    where {{ counts_on("clicked_known_ds") }}
    union all
    select
        purchased_known_ds as ds,
        item_id,
        domain,
        event_ds,
        0 as num_exposures,
        0 as num_clicks,
        1 as num_purchases
    from clicks
    where {{ counts_on("purchased_known_ds") }}
)

select
    ds,
    item_id,
    domain,
    event_ds,
    cast(sum(num_exposures) as bigint) as num_exposures,
    cast(sum(num_clicks) as bigint) as num_clicks,
    cast(sum(num_purchases) as bigint) as num_purchases
from events
group by ds, item_id, domain, event_ds
