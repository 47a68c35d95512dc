select
    request_id,
    user_id,
    domain,
    query_text,
    {{ normalised_query("query_text") }} as normalised_query,
    attributes,
    requested_at,
    ds
from {{ source("events", "requests") }}
