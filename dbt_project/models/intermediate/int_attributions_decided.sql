{#-
    Which row each outside action labels. The decision uses only what was recorded by the time the action itself was
    recorded, and the requests until its before_request_hours have passed: it depends neither on label_as_of nor on
    later days, so an action never labels two rows.
-#}
{%- set after_days = attribution_days("window_hours") | int -%}
{%- set before_days = attribution_days("before_request_hours") | int -%}
{%- set all_days = after_days + before_days -%}
with rules as (
    select * from {{ ref("int_attribution_rules") }}
),

attributable_items as (
    select * from {{ ref("int_attributable_items") }}
    where {{ near_days("cast(acted_at as date)", "request_days", before=before_days, after=after_days) }}
),

requests as (
    select * from {{ ref("stg_events__requests") }}
    where
        domain = '{{ setting("target_domain") }}'
        and {{ near_days("ds", "request_days", before=all_days, after=all_days) }}
),

candidates as (
    select * from {{ ref("stg_events__candidates") }}
    where {{ near_days("ds", "request_days", before=all_days, after=all_days) }}
),

native_clicks as (
    select * from {{ ref("int_native_clicks") }}
    where {{ near_days("request_ds", "request_days", before=all_days, after=all_days) }}
),

windows as (
    select distinct
        action,
        window_hours,
        before_request_hours,
        tie
    from rules
),

-- Made once, so that an action meets its user's rows by item: joined to requests alone, siblings would multiply them.
considered as {{ made_once() }} (
    select
        requests.user_id,
        requests.request_id,
        requests.requested_at,
        requests.ds,
        candidates.item_id,
        candidates.is_exposed
    from requests
    inner join candidates on requests.request_id = candidates.request_id
),

matches as (
    select
        attributable_items.*,
        windows.tie,
        greatest(
            attributable_items.recorded_at,
            {{ hours_after("attributable_items.acted_at", "windows.before_request_hours") }}
        ) as decided_at,
        considered.request_id,
        considered.requested_at,
        considered.ds,
        considered.is_exposed,
        coalesce(native_clicks.clicked_recorded_at <= attributable_items.recorded_at, false) as is_clicked
    from attributable_items
    inner join windows on attributable_items.action = windows.action
    inner join considered
        on
            attributable_items.user_id = considered.user_id
            and attributable_items.item_id = considered.item_id
            and considered.requested_at
            <= {{ hours_after("attributable_items.acted_at", "windows.before_request_hours") }}
            and attributable_items.acted_at <= {{ hours_after("considered.requested_at", "windows.window_hours") }}
    left join native_clicks
        on considered.request_id = native_clicks.request_id and considered.item_id = native_clicks.item_id
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
        row_number() over (
            partition by action_id
            order by
                target_rank asc,
                case tie when 'earliest' then requested_at end asc,
                case tie when 'most_recent' then requested_at end desc,
                request_id asc,
                case when item_id = acted_item_id then 0 else 1 end asc,
                item_id asc
        ) as choice
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
    decided_at,
    ds
from ranked
where choice = 1
