{#- What belongs to no request, by the day of the event and the day it became known: actions, changes of price. -#}
select
    ds,
    item_id,
    event_ds,
    num_purchases,
    num_outside_clicks,
    last_acted_at,
    0 as num_price_changes
from {{ ref("item_counts") }}
where {{ in_feature_windows("ds") }}
union all
select
    cast(known_from as date) as ds,
    item_id,
    cast(changed_at as date) as event_ds,
    0 as num_purchases,
    0 as num_outside_clicks,
    null as last_acted_at,
    count(*) as num_price_changes
from {{ ref("int_item_price_changes") }}
group by item_id, cast(changed_at as date), cast(known_from as date)
