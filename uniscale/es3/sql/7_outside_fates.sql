-- What became of each outside click of the day: the first that holds.
--
-- Reads outside_actions, marts.fct_attributions, marts.fct_exposures, synthetic_rows, outside_rows, outside_groups,
-- group_queries.
-- Makes outside_fates.
insert into outside_fates by name
with clicks as (
    select *
    from outside_actions
    where action = 'click'
),

-- The row that attribution found has one label, whoever gave it first.
ranked as (
    select
        *,
        row_number() over (partition by request_id, item_id order by acted_at, action_id) = 1 as is_first
    from lake.marts.fct_attributions
    where ds between $first_attribution_ds and $last_attribution_ds and action = 'click'
),

native_clicks as (
    select
        request_id,
        item_id
    from lake.marts.fct_exposures
    where ds between $first_attribution_ds and $last_attribution_ds and domain = $target_domain and is_clicked
),

attributed as (
    select
        ranked.action_id,
        ranked.is_first and native_clicks.item_id is null as adds_label
    from ranked
    left join native_clicks on ranked.request_id = native_clicks.request_id and ranked.item_id = native_clicks.item_id
),

made as (
    select
        request_id,
        item_id
    from synthetic_rows
    where is_clicked
)

select
    $ds as ds,
    clicks.domain,
    case
        when clicks.state = 'attributed' then if(attributed.adds_label, 'attributed', 'meets_label')
        when clicks.state != 'free' then clicks.state
        when clicks.request_id is null then 'no_list'
        when rows.item_id is null then 'not_shown'
        when not rows.is_positive or rows.action_id != clicks.action_id then 'meets_label'
        when made.item_id is not null then 'synthetic'
        when rows.category_id is null then 'unknown_item'
        when group_queries.sample_id is null then 'no_query'
        else 'no_negative'
    end as fate,
    count(*) as num_clicks
from clicks
left join attributed on clicks.action_id = attributed.action_id
left join outside_rows as rows
    on clicks.request_id = rows.request_id and clicks.item_id = rows.item_id and clicks.user_id = rows.user_id
left join made on rows.request_id = made.request_id and rows.item_id = made.item_id
left join outside_groups
    on rows.request_id = outside_groups.request_id and rows.category_id = outside_groups.category_id
left join group_queries on outside_groups.sample_id = group_queries.sample_id
group by all;
