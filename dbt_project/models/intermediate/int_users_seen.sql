select
    user_id,
    min(ds) as first_known_ds
from (
    select
        user_id,
        ds
    from {{ ref("stg_events__requests") }}
    union all
    select
        user_id,
        ds
    from {{ ref("stg_events__actions") }}
) as seen
group by user_id
