-- Stage C, first part. Other domains' requests with a click, their items, and the clicks that attribution left over: an
-- action labels one row of the training set at most.

create or replace temp table outside_rows as
with exposures as (
    select *
    from lake.marts.fct_exposures
    where ds = $ds and domain != $target_domain
),

clicked_requests as (
    select distinct request_id
    from exposures
    where is_clicked
),

used as (
    select action_id
    from lake.marts.fct_attributions
    where ds between $first_attribution_ds and $last_attribution_ds
),

actions as (
    select
        actions.*,
        coalesce(actions.quantity, 1) * coalesce(actions.unit_price, 0) as action_value,
        used.action_id is not null as is_used
    from lake.raw.actions
    left join used on actions.action_id = used.action_id
    where
        actions.ds between $ds and $label_as_of::date
        and actions.recorded_at < $label_as_of
        and actions.action in ('click', 'purchase')
        and actions.request_id is not null
),

outcomes as (
    select
        request_id,
        item_id,
        user_id,
        bool_or(action = 'click' and is_used) as has_used_click,
        bool_or(action = 'purchase' and not is_used) as has_free_purchase,
        -- The click before the purchase, the earlier before the later.
        first(action_id order by action, acted_at, action_id) filter (where not is_used) as action_id,
        sum(action_value order by action_id) filter (where action = 'purchase' and not is_used) as free_value
    from actions
    group by request_id, item_id, user_id
),

labelled as (
    select
        exposures.*,
        outcomes.action_id,
        exposures.is_clicked and outcomes.action_id is not null and not outcomes.has_used_click as is_positive,
        coalesce(outcomes.has_free_purchase, false) as has_free_purchase,
        coalesce(outcomes.free_value, 0) as free_value
    from exposures
    inner join clicked_requests on exposures.request_id = clicked_requests.request_id
    left join outcomes
        on
            exposures.request_id = outcomes.request_id
            and exposures.item_id = outcomes.item_id
            and exposures.user_id = outcomes.user_id
)

select
    labelled.request_id,
    labelled.item_id,
    labelled.user_id,
    labelled.domain,
    labelled.requested_at,
    labelled.is_exposed,
    labelled.position,
    labelled.is_clicked,
    labelled.is_carted,
    coalesce(labelled.is_positive, false) as is_positive,
    labelled.has_free_purchase,
    labelled.free_value,
    labelled.action_id,
    known_items.category_id,
    known_items.title,
    known_items.title_words
from labelled
asof left join known_items
    on labelled.item_id = known_items.item_id and labelled.requested_at >= known_items.valid_from;

-- All clicks of one request that share a category become one synthetic request.
create or replace temp table outside_groups as
select
    request_id || '~s' || category_id as sample_id,
    request_id,
    category_id,
    any_value(user_id) as user_id,
    any_value(requested_at) as requested_at,
    count(*) as num_positives
from outside_rows
where is_positive and category_id is not null
group by request_id, category_id;
