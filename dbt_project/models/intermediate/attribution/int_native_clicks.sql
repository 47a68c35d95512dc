{#- A purchase implies a click, so a row counts as clicked from the first click or purchase that was recorded. -#}
with native_actions as (
    select * from {{ ref("int_native_actions") }}
)

select
    request_id,
    item_id,
    min(recorded_at) as clicked_recorded_at,
    request_ds
from native_actions
where action in ('click', 'purchase')
group by request_id, item_id, request_ds
