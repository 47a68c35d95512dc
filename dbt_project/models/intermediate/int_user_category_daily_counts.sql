{#- As int_user_daily_counts, by the category of the item as known when the user acted. -#}
select
    user_id,
    category_id,
    event_ds,
    known_ds,
    count(*) as num_actions,
    count_if(action = 'click') as num_clicks,
    count_if(action = 'purchase') as num_purchases,
    max(acted_at) as last_acted_at
from {{ ref("int_described_actions") }}
where category_id is not null
group by user_id, category_id, event_ds, known_ds
