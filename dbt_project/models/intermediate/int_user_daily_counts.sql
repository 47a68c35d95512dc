{#- As int_item_daily_counts, for users. Log prices are summed as decimals: the sum does not depend on the order. -#}
with requests as (
    select
        user_id,
        ds as event_ds,
        ds as known_ds,
        count_if(domain = '{{ var("target_domain") }}') as num_requests,
        0 as num_clicks,
        0 as num_purchases,
        0 as num_prices,
        cast(0 as decimal(38, 9)) as sum_log_price
    from {{ ref("stg_events__requests") }}
    group by user_id, ds
),

actions as (
    select
        user_id,
        cast(acted_at as date) as event_ds,
        cast(recorded_at as date) as known_ds,
        0 as num_requests,
        count_if(action = 'click') as num_clicks,
        count_if(action = 'purchase') as num_purchases,
        count(price) as num_prices,
        coalesce(sum(cast(ln(1 + price) as decimal(18, 9))), 0) as sum_log_price
    from {{ ref("int_actions_priced") }}
    group by user_id, cast(acted_at as date), cast(recorded_at as date)
)

select * from requests
union all
select * from actions
