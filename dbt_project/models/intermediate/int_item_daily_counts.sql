{#- As int_item_domain_daily_counts, for what does not belong to a request: actions in any domain, changes of price. -#}
select
    item_id,
    event_ds,
    known_ds,
    count_if(action = 'purchase') as num_purchases,
    count_if(action = 'click' and domain != '{{ setting("target_domain") }}') as num_outside_clicks,
    max(acted_at) as last_acted_at,
    0 as num_price_changes
from {{ ref("int_recent_actions") }}
group by item_id, event_ds, known_ds
union all
select
    item_id,
    cast(changed_at as date) as event_ds,
    cast(known_from as date) as known_ds,
    0 as num_purchases,
    0 as num_outside_clicks,
    null as last_acted_at,
    count(*) as num_price_changes
from {{ ref("int_item_price_changes") }}
group by item_id, cast(changed_at as date), cast(known_from as date)
