-- Records, rows and positives of a run's training days, by tier and provenance.
with rows as (
    select
        sample_id,
        ds,
        query_tier,
        unnest(is_exposed) as is_exposed,
        unnest(provenance) as provenance,
        unnest(is_clicked) as is_clicked,
        unnest(is_carted) as is_carted,
        unnest(is_purchased) as is_purchased
    from lake.es3.samples
    where ds between $first_ds and $ds
)

select
    query_tier,
    is_exposed,
    provenance,
    count(*) as num_rows,
    count(*) filter (where is_clicked) as num_clicked,
    count(*) filter (where is_carted) as num_carted,
    count(*) filter (where is_purchased) as num_purchased
from rows
group by all
