-- Stage C, first part. What users of other domains saw in lists with a click, and the clicks that attribution left over: an
-- action labels one row of the samples at most, whatever day the row is of.
--
-- Reads marts.fct_exposures, marts.outside_actions, marts.fct_attributions, older_lists, candidate_rows, raw.requests,
-- raw.candidates, item_versions.
-- Makes outside_lists, outside_actions, outside_rows, outside_groups.

create or replace temp table outside_lists as
select *
from lake.marts.fct_exposures
where ds = $ds and domain != $target_domain and is_exposed;

-- The day's outside clicks and purchases: those that follow one of its lists, and those that follow none and happened on
-- it. A click that names no list belongs to the last one in which its user saw the item in its domain, a visit ago at most.
create or replace temp table outside_actions as
with acts as (
    select * exclude (ds, request_ds)
    from lake.marts.outside_actions
    where
        ds between $ds and $label_as_of::date
        and recorded_at < $label_as_of
        and coalesce(request_ds, acted_at::date) = $ds
),

visits as (
    select
        acts.action_id,
        outside_lists.request_id
    from acts
    asof inner join outside_lists
        on
            acts.item_id = outside_lists.item_id
            and acts.user_id = outside_lists.user_id
            and acts.domain = outside_lists.domain
            and acts.acted_at >= outside_lists.requested_at
    where
        acts.request_id is null
        and acts.action = 'click'
        and acts.acted_at <= outside_lists.requested_at + $visit_minutes * interval 1 minute
),

used as (
    select action_id
    from lake.marts.fct_attributions
    where ds between $first_attribution_ds and $last_attribution_ds
),

taken as (
    select distinct acts.action_id
    from acts
    inner join older_lists
        on
            acts.user_id = older_lists.user_id
            and acts.item_id = older_lists.item_id
            and acts.acted_at
            <= older_lists.requested_at
            + case acts.action when 'click' then $click_window_hours else $purchase_window_hours end * interval 1 hour
)

select
    acts.action_id,
    acts.user_id,
    acts.item_id,
    acts.action,
    acts.acted_at,
    acts.domain,
    acts.action_value,
    coalesce(acts.request_id, visits.request_id) as request_id,
    case
        when used.action_id is not null then 'attributed'
        when taken.action_id is not null then 'older_day'
        -- A request that is still to come may take it.
        when acts.acted_at + $before_hours * interval 1 hour >= $label_as_of then 'undecided'
        else 'free'
    end as state
from acts
left join visits on acts.action_id = visits.action_id
left join used on acts.action_id = used.action_id
left join taken on acts.action_id = taken.action_id;

create or replace temp table outside_rows as
with outcomes as (
    select
        request_id,
        item_id,
        user_id,
        bool_or(action = 'click') as has_click,
        bool_or(action = 'click' and state != 'free') as has_taken_click,
        bool_or(action = 'purchase' and state = 'free') as has_free_purchase,
        -- The click before the purchase, the earlier before the later.
        first(action_id order by action, acted_at, action_id) filter (where state = 'free') as action_id,
        sum(action_value order by action_id) filter (where action = 'purchase' and state = 'free') as free_value
    from outside_actions
    where request_id is not null
    group by request_id, item_id, user_id
),

clicked_requests as (
    select request_id
    from outside_lists
    where is_clicked
    union
    select request_id
    from outcomes
    where has_click
),

labelled as (
    select
        lists.*,
        outcomes.action_id,
        lists.is_clicked or coalesce(outcomes.has_click, false) as has_any_click,
        outcomes.action_id is not null and not outcomes.has_taken_click as is_free,
        coalesce(outcomes.has_free_purchase, false) as has_free_purchase,
        coalesce(outcomes.free_value, 0) as free_value
    from outside_lists as lists
    semi join clicked_requests on lists.request_id = clicked_requests.request_id
    left join outcomes
        on
            lists.request_id = outcomes.request_id
            and lists.item_id = outcomes.item_id
            and lists.user_id = outcomes.user_id
),

-- Rows whose click attribution would have taken: no click of theirs is left for stage C, so no missing one is either.
candidates as (
    select
        user_id,
        item_id,
        requested_at
    from candidate_rows
    union all
    -- From the log: the days before the first training day are in no mart.
    select
        requests.user_id,
        candidates.item_id,
        requests.requested_at
    from lake.raw.requests
    inner join lake.raw.candidates on requests.request_id = candidates.request_id
    where
        requests.ds between $first_claim_ds and $ds - 1
        and candidates.ds between $first_claim_ds and $ds - 1
        and requests.domain = $target_domain
        and requests.requested_at >= $ds::timestamp - $click_window_hours * interval 1 hour
),

claimed as (
    select distinct
        labelled.request_id,
        labelled.item_id
    from labelled
    inner join candidates
        on
            labelled.user_id = candidates.user_id
            and labelled.item_id = candidates.item_id
            and labelled.requested_at >= candidates.requested_at
            and labelled.requested_at <= candidates.requested_at + $click_window_hours * interval 1 hour
    where not labelled.has_any_click
)

select
    labelled.request_id,
    labelled.item_id,
    labelled.user_id,
    labelled.domain,
    labelled.requested_at,
    labelled.is_exposed,
    labelled.position,
    labelled.has_any_click as is_clicked,
{% for label in native_only %}
    labelled.{{ label }},
{% endfor %}
    labelled.has_any_click and labelled.is_free as is_positive,
    claimed.item_id is null and not labelled.has_any_click
{% for label in native_only %}
    and not labelled.{{ label }}
{% endfor %}
    as is_negative,
    labelled.has_free_purchase,
    labelled.free_value,
    labelled.action_id,
    item_versions.category_id,
    item_versions.title,
    item_versions.title_words
from labelled
left join claimed on labelled.request_id = claimed.request_id and labelled.item_id = claimed.item_id
asof left join item_versions
    on labelled.item_id = item_versions.item_id and labelled.requested_at >= item_versions.known_from;

-- All clicks of one list that share a category become one synthetic request.
create or replace temp table outside_groups as
select
    request_id || $synthetic_mark || category_id as sample_id,
    request_id,
    category_id,
    any_value(user_id) as user_id,
    any_value(requested_at) as requested_at,
    count(*) as num_positives
from outside_rows
where is_positive and category_id is not null
group by request_id, category_id;
