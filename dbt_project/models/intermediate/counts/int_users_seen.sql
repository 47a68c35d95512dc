{#- From the day that is carried and the days since. -#}
select
    user_id,
    min(first_seen_ds) as first_known_ds
from (
    select
        user_id,
        first_seen_ds
    from {{ ref("users_seen") }}
    where {{ carried("ds") }}
    union all
    {{ users_named(since_carried("ds"), since_carried("ds", may_be_late=true)) }}
) as seen
group by user_id
