{#-
    Additive counts by the day of the event and the day it became known, so that any window at any knowledge time is a
    sum. A native click or purchase counts on its request's day, as its exposure does: a rate compares the same requests.
-#}
with clicks as (
    select * from {{ ref("int_recent_clicks") }}
)

select
    item_id,
    domain,
    ds as event_ds,
    ds as known_ds,
    count(*) as num_exposures,
    0 as num_clicks,
    0 as num_purchases
from {{ ref("int_recent_exposures") }}
group by item_id, domain, ds
union all
select
    item_id,
    domain,
    event_ds,
    clicked_known_ds as known_ds,
    0 as num_exposures,
    count(*) as num_clicks,
    0 as num_purchases
from clicks
group by item_id, domain, event_ds, clicked_known_ds
union all
select
    item_id,
    domain,
    event_ds,
    purchased_known_ds as known_ds,
    0 as num_exposures,
    0 as num_clicks,
    count(*) as num_purchases
from clicks
where purchased_known_ds is not null
group by item_id, domain, event_ds, purchased_known_ds
