select
    request_id,
    user_id,
    domain,
    normalised_query,
    ds
from {{ ref("stg_events__requests") }}
where {{ in_feature_windows("ds") }}
