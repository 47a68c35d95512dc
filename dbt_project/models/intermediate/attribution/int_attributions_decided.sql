{#-
    Which row each outside action labels. The decision uses only what was recorded by the time the action itself was
    recorded, and the requests until its before_request_hours have passed: it depends neither on label_as_of nor on
    later days, so an action never labels two rows.

    A crawler has thousands of actions and of rows of an item. Rows that were never clicked differ by their time alone, so
    an action is set against the best one only, found along time: of those that were shown, and of those that were not.
-#}
{%- set after_days = attribution_days("window_hours") | int -%}
{%- set before_days = attribution_days("before_request_hours") | int -%}
{%- set all_days = after_days + before_days -%}
with rules as (
    select * from {{ ref("int_attribution_rules") }}
),

attributable_items as {{ made_once() }} (
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

asked as (
    select
        attributable_items.*,
        windows.tie,
        {{ hours_after("attributable_items.acted_at", "-windows.window_hours") }} as first_requested_at,
        {{ hours_after("attributable_items.acted_at", "windows.before_request_hours") }} as last_requested_at
    from attributable_items
    inner join windows on attributable_items.action = windows.action
),

acted_on as (
    select distinct
        user_id,
        item_id
    from attributable_items
),

-- Made once, so that few rows are left before anything is joined to them.
considered as {{ made_once() }} (
    select
        requests.user_id,
        requests.request_id,
        requests.requested_at,
        requests.ds,
        candidates.item_id,
        candidates.is_exposed,
        native_clicks.clicked_recorded_at
    from requests
    inner join candidates on requests.request_id = candidates.request_id
    inner join acted_on on requests.user_id = acted_on.user_id and candidates.item_id = acted_on.item_id
    left join native_clicks
        on candidates.request_id = native_clicks.request_id and candidates.item_id = native_clicks.item_id
),

unclicked as (
    select
        user_id,
        item_id,
        is_exposed,
        requested_at,
        ds,
        min(request_id) as request_id
    from considered
    where clicked_recorded_at is null
    group by user_id, item_id, is_exposed, requested_at, ds
),

kinds as (
    select distinct is_exposed from unclicked
),

most_recent as (
    select
        asked.*,
        unclicked.request_id,
        unclicked.requested_at,
        unclicked.ds,
        unclicked.is_exposed,
        false as is_clicked
    from asked
    cross join kinds
    {{ asof_join(
        "inner", "unclicked", "user_id", "asked.user_id", "requested_at", "<=", "asked.last_requested_at",
        also={"item_id": "asked.item_id", "is_exposed": "kinds.is_exposed"}
    ) }}
    where asked.tie = 'most_recent' and unclicked.requested_at >= asked.first_requested_at
),

earliest as (
    select
        asked.*,
        unclicked.request_id,
        unclicked.requested_at,
        unclicked.ds,
        unclicked.is_exposed,
        false as is_clicked
    from asked
    cross join kinds
    {{ asof_join(
        "inner", "unclicked", "user_id", "asked.user_id", "requested_at", ">=", "asked.first_requested_at",
        also={"item_id": "asked.item_id", "is_exposed": "kinds.is_exposed"}
    ) }}
    where asked.tie = 'earliest' and unclicked.requested_at <= asked.last_requested_at
),

matches as (
    select * from most_recent
    union all
    select * from earliest
    union all
    select
        asked.*,
        clicked.request_id,
        clicked.requested_at,
        clicked.ds,
        clicked.is_exposed,
        clicked.clicked_recorded_at <= asked.recorded_at as is_clicked
    from asked
    inner join considered as clicked
        on
            asked.user_id = clicked.user_id
            and asked.item_id = clicked.item_id
            and clicked.requested_at between asked.first_requested_at and asked.last_requested_at
    where clicked.clicked_recorded_at is not null
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
    greatest(recorded_at, last_requested_at) as decided_at,
    ds
from ranked
where choice = 1
