{{ config(days_from="request_days") }}

with days as (
    select * from {{ ref("int_request_days") }}
),

requests as (
    select * from {{ ref("stg_events__requests") }}
    where {{ in_days("ds", "request_days") }}
),

candidates as (
    select * from {{ ref("stg_events__candidates") }}
    where {{ in_days("ds", "request_days") }}
),

native_actions as (
    select * from {{ ref("int_native_actions") }}
    where {{ in_days("request_ds", "request_days") }}
),

labels as (
    select
        native_actions.request_id,
        native_actions.item_id,
        {% for task in setting("tasks") %}
            bool_or({{ is_one_of("native_actions.action", task.actions) }}) as {{ task.label }},
        {% endfor %}
        {{ ordered_sum(
            "native_actions.action_value", "native_actions.action_id", "native_actions.action = 'purchase'"
        ) }} as purchase_value
    from native_actions
    inner join days on native_actions.request_ds = days.ds
    where native_actions.recorded_at < days.label_as_of
    group by native_actions.request_id, native_actions.item_id
)

select
    requests.ds,
    requests.request_id,
    candidates.item_id,
    requests.user_id,
    requests.domain,
    requests.query_text,
    requests.normalised_query,
    requests.requested_at,
    candidates.is_exposed,
    candidates.position,
    candidates.logged_score,
    candidates.propensity,
    {% for task in setting("tasks") %}
        coalesce(labels.{{ task.label }}, false) as {{ task.label }},
    {% endfor %}
    coalesce(labels.purchase_value, 0) as purchase_value,
    days.label_as_of,
    days.is_final
from requests
inner join days on requests.ds = days.ds
inner join candidates on requests.request_id = candidates.request_id
left join labels
    on candidates.request_id = labels.request_id and candidates.item_id = labels.item_id
