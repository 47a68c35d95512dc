{#- From the day that is carried and the days since. -#}
select
    item_id,
    min(first_seen_ds) as first_known_ds
from (
    select
        item_id,
        first_seen_ds
    from {{ ref("items_seen") }}
    where {{ carried("ds") }}
    union all
    {{ items_named(since_carried("ds"), since_carried("ds", may_be_late=true)) }}
) as seen
group by item_id
