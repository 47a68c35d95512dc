{#- Log prices are summed as decimals: the sum does not depend on the order. -#}
with events as (
    select
        ds,
        user_id,
        ds as event_ds,
        case when domain = '{{ setting("target_domain") }}' then 1 else 0 end as num_requests,
        0 as num_clicks,
        0 as num_purchases,
        0 as num_prices,
        cast(0 as decimal(18, 9)) as log_price
    from {{ ref("stg_events__requests") }}
    where {{ in_days("ds", "count_days") }}
    union all
    select
        ds,
        user_id,
        event_ds,
        0 as num_requests,
        case when action = 'click' then 1 else 0 end as num_clicks,
        case when action = 'purchase' then 1 else 0 end as num_purchases,
        case when price is not null then 1 else 0 end as num_prices,
        cast(coalesce(ln(1 + price), 0) as decimal(18, 9)) as log_price
    from {{ ref("int_counted_actions") }}
)

select
    ds,
    user_id,
    event_ds,
    cast(sum(num_requests) as bigint) as num_requests,
    cast(sum(num_clicks) as bigint) as num_clicks,
    cast(sum(num_purchases) as bigint) as num_purchases,
    cast(sum(num_prices) as bigint) as num_prices,
    cast(sum(log_price) as decimal(38, 9)) as sum_log_price
from events
group by ds, user_id, event_ds
