{#-
    Which row each outside action labels. The decision uses only what was recorded by the time the action itself was
    recorded: it depends neither on label_as_of nor on later days, so an action never labels two rows.
-#}
with rules as (
    select * from {{ ref("int_attribution_rules") }}
),

outside_actions as (
    select * from {{ ref("int_outside_actions") }}
    where {{ near_days("cast(acted_at as date)", "request_days", after=attribution_days()) }}
),

requests as (
    select * from {{ ref("stg_events__requests") }}
    where
        domain = '{{ var("target_domain") }}'
        and {{ near_days("ds", "request_days", before=attribution_days(), after=attribution_days()) }}
),

candidates as (
    select * from {{ ref("stg_events__candidates") }}
    where {{ near_days("ds", "request_days", before=attribution_days(), after=attribution_days()) }}
),

native_clicks as (
    select * from {{ ref("int_native_clicks") }}
    where {{ near_days("request_ds", "request_days", before=attribution_days(), after=attribution_days()) }}
),

windows as (
    select
        action,
        max(window_hours) as window_hours
    from rules
    group by action
),

earlier_requests as (
    select
        outside_actions.*,
        requests.request_id,
        requests.requested_at,
        requests.ds
    from outside_actions
    inner join windows on outside_actions.action = windows.action
    inner join requests
        on
            outside_actions.user_id = requests.user_id
            and outside_actions.acted_at >= requests.requested_at
            and outside_actions.acted_at <= requests.requested_at + windows.window_hours * interval 1 hour
),

matches as (
    select
        earlier_requests.*,
        candidates.is_exposed,
        coalesce(native_clicks.clicked_recorded_at <= earlier_requests.recorded_at, false) as is_clicked
    from earlier_requests
    inner join candidates
        on earlier_requests.request_id = candidates.request_id and earlier_requests.item_id = candidates.item_id
    left join native_clicks
        on earlier_requests.request_id = native_clicks.request_id and earlier_requests.item_id = native_clicks.item_id
),

targeted as (
    select
        matches.*,
        rules.target,
        rules.target_rank,
        rules.label_weight
    from matches
    inner join rules
        on
            matches.action = rules.action
            and case rules.target
                when 'exposed' then matches.is_exposed
                when 'clicked' then matches.is_clicked
                when 'exposed_unclicked' then matches.is_exposed and not matches.is_clicked
                when 'unexposed' then not matches.is_exposed
            end
),

ranked as (
    select
        *,
        row_number() over (partition by action_id order by target_rank asc, requested_at desc, request_id asc) as choice
    from targeted
)

select
    action_id,
    action,
    action_domain,
    action_value,
    user_id,
    request_id,
    item_id,
    target,
    label_weight,
    requested_at,
    acted_at,
    recorded_at,
    ds
from ranked
where choice = 1
