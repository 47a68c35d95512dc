-- Stage A. The target domain's candidate lists of the day: every exposed row, every row with a positive, and unexposed
-- rows drawn uniformly without replacement. A row's draw is a hash of the row, so it depends on no order of the input.
--
-- Reads marts.fct_exposures, marts.fct_attributions.
-- Makes candidate_rows, drawn_rows.

create or replace temp table candidate_rows as
with exposures as (
    select *
    from lake.marts.fct_exposures
    where ds = $ds and domain = $target_domain
),

attributions as (
    select
        request_id,
        item_id,
        bool_or(action = 'click') as has_outside_click,
        bool_or(action = 'purchase') as has_outside_purchase,
        -- In a fixed order, since a sum of doubles depends on its order.
        sum(action_value order by action_id) filter (where action = 'purchase') as outside_value,
        first({'id': action_id, 'weight': weight} order by acted_at, action_id)
        filter (where action = 'click') as outside_click,
        first({'id': action_id, 'weight': weight} order by acted_at, action_id)
        filter (where action = 'purchase') as outside_purchase
    from weighed('lake.marts.fct_attributions')
    where ds = $ds
    group by request_id, item_id
)

select
    exposures.*,
    attributions.outside_value,
    attributions.outside_click,
    attributions.outside_purchase,
    coalesce(attributions.has_outside_click, false) as has_outside_click,
    coalesce(attributions.has_outside_purchase, false) as has_outside_purchase
from exposures
left join attributions
    on exposures.request_id = attributions.request_id and exposures.item_id = attributions.item_id;

create or replace temp table drawn_rows as
with marked as (
    select
        *,
        is_exposed
        or {{ labels | join(" or ") }}
        or has_outside_click
        or has_outside_purchase as is_kept
    from candidate_rows
),

quotas as (
    select
        request_id,
        cast(round($unexposed_ratio * count(*) filter (where is_exposed)) as bigint)
        - count(*) filter (where is_kept and not is_exposed) as fill_quota,
        count(*) filter (where not is_kept) as pool_size
    from marked
    group by request_id
),

pool as (
    select
        request_id,
        item_id,
        row_number() over (
            partition by request_id
            order by md5_number_lower(concat_ws('|', $salt, request_id, item_id)), item_id
        ) as draw
    from marked
    where not is_kept
)

select
    marked.*,
    case when marked.is_kept then 1.0::double else least(1.0::double, quotas.fill_quota / quotas.pool_size) end
        as inclusion_probability
from marked
inner join quotas on marked.request_id = quotas.request_id
left join pool on marked.request_id = pool.request_id and marked.item_id = pool.item_id
where marked.is_kept or pool.draw <= quotas.fill_quota;
