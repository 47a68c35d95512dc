{#-
    As int_item_domain_daily_counts, for users. Log prices are summed as decimals: the sum does not depend on the order.
-#}
select
    user_id,
    ds as event_ds,
    ds as known_ds,
    count_if(domain = '{{ setting("target_domain") }}') as num_requests,
    0 as num_clicks,
    0 as num_purchases,
    0 as num_prices,
    cast(0 as decimal(38, 9)) as sum_log_price
from {{ ref("int_recent_requests") }}
group by user_id, ds
union all
select
    user_id,
    event_ds,
    known_ds,
    0 as num_requests,
    count_if(action = 'click') as num_clicks,
    count_if(action = 'purchase') as num_purchases,
    count(price) as num_prices,
    coalesce(sum(cast(ln(1 + price) as decimal(18, 9))), 0) as sum_log_price
from {{ ref("int_described_actions") }}
group by user_id, event_ds, known_ds
