{#- From the day that is carried and the days since. -#}
select
    query_text,
    min(first_seen_ds) as first_known_ds
from (
    select
        query_text,
        first_seen_ds
    from {{ ref("queries_seen") }}
    where {{ carried("ds") }}
    union all
    {{ queries_named(since_carried("ds")) }}
) as seen
group by query_text
