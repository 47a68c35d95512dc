select
    ds,
    item_id,
    cast(acted_at as date) as event_ds,
    count(*) filter (where action = 'purchase') as num_purchases,
    count(*) filter (where action = 'click' and domain != '{{ setting("target_domain") }}') as num_outside_clicks,
    max(acted_at) as last_acted_at
from {{ ref("stg_events__actions") }}
where {{ in_days("ds", "count_days") }}
group by ds, item_id, cast(acted_at as date)
