select
    normalised_query as query_text,
    min(ds) as first_known_ds
from {{ ref("stg_events__requests") }}
where domain = '{{ setting("target_domain") }}' and normalised_query is not null
group by normalised_query
