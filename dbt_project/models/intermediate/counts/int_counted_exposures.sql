with candidates as (
    select * from {{ ref("stg_events__candidates") }}
    where is_exposed and {{ in_days("ds", "count_days") }}
),

requests as (
    select * from {{ ref("stg_events__requests") }}
    where {{ in_days("ds", "count_days") }}
)

select
    candidates.item_id,
    requests.domain,
    requests.normalised_query,
    requests.ds
from candidates
inner join requests on candidates.request_id = requests.request_id
