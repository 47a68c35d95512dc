{{ config(days_from="request_days") }}

with days as (
    select * from {{ ref("int_request_days") }}
),

decided as (
    select * from {{ ref("int_attributions_decided") }}
)

select
    decided.ds,
    decided.action_id,
    decided.action,
    decided.action_domain,
    decided.user_id,
    decided.request_id,
    decided.item_id,
    decided.target,
    decided.acted_at,
    decided.recorded_at,
    {{ microseconds_between("decided.requested_at", "decided.acted_at") }} / 3.6e9 as delay_hours,
    decided.action_value,
    decided.label_weight,
    {{ as_text(text_literal(setting("policy_version"))) }} as policy_version,
    days.label_as_of,
    days.is_final
from decided
inner join days on decided.ds = days.ds
where decided.decided_at < days.label_as_of
