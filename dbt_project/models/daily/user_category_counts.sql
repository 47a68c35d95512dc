select
    ds,
    user_id,
    category_id,
    event_ds,
    count(*) as num_actions,
    count(*) filter (where action = 'click') as num_clicks,
    count(*) filter (where action = 'purchase') as num_purchases,
    max(acted_at) as last_acted_at
from {{ ref("int_counted_actions") }}
where category_id is not null
group by ds, user_id, category_id, event_ds
