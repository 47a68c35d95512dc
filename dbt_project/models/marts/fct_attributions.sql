{{ config(days_from="request_days", tags=["requests"]) }}

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
    date_diff('microsecond', decided.requested_at, decided.acted_at) / 3.6e9 as delay_hours,
    decided.action_value,
    decided.label_weight,
    cast('{{ var("policy_version") }}' as varchar) as policy_version,
    days.label_as_of,
    days.is_final
from decided
inner join days on decided.ds = days.ds
where decided.recorded_at < days.label_as_of
