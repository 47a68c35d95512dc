with candidates as (
    select * from {{ ref("stg_events__candidates") }}
    where is_exposed and {{ in_feature_windows("ds") }}
),

requests as (
    select * from {{ ref("int_recent_requests") }}
)

select
    candidates.request_id,
    candidates.item_id,
    requests.domain,
    requests.normalised_query,
    requests.ds
from candidates
inner join requests on candidates.request_id = requests.request_id
