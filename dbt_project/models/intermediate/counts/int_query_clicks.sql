{#- As int_native_clicks, of the searches that query statistics look back to. -#}
with actions as (
    select * from {{ ref("stg_events__actions") }}
    where
        action in ('click', 'purchase')
        and {{ near_days("ds", "query_stat_days", before=setting("query_history_days")) }}
),

requests as (
    select * from {{ ref("stg_events__requests") }}
    where
        domain = '{{ setting("target_domain") }}'
        and normalised_query is not null
        and {{ near_days("ds", "query_stat_days", before=setting("query_history_days")) }}
)

select
    actions.request_id,
    actions.item_id,
    requests.normalised_query,
    min(actions.recorded_at) as clicked_recorded_at,
    requests.ds as request_ds
from actions
inner join requests
    on actions.request_id = requests.request_id and actions.user_id = requests.user_id
group by actions.request_id, actions.item_id, requests.normalised_query, requests.ds
