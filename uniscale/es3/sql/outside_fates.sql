-- What became of each outside click of the day: the first that holds.
insert into outside_fates by name
with clicks as (
    select *
    from outside_actions
    where action = 'click'
),

-- The row that attribution found has one label, whoever gave it first.
attributed as (
    select
        attributions.action_id,
        row_number() over (
            partition by attributions.request_id, attributions.item_id
            order by attributions.acted_at, attributions.action_id
        ) = 1
        and not exposures.is_clicked as adds_label
    from lake.marts.fct_attributions as attributions
    inner join lake.marts.fct_exposures as exposures
        on
            attributions.ds = exposures.ds
            and attributions.request_id = exposures.request_id
            and attributions.item_id = exposures.item_id
    where
        attributions.ds between $first_attribution_ds and $last_attribution_ds
        and exposures.ds between $first_attribution_ds and $last_attribution_ds
        and attributions.action = 'click'
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
