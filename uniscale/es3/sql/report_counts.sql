-- Records, rows and positives of a run's training days, by tier and provenance.
--
-- Reads es3.samples.
with rows as (
    select
        sample_id,
        ds,
        query_tier,
        unnest(is_exposed) as is_exposed,
{% for label in labels %}
        unnest({{ label }}) as {{ label }},
{% endfor %}
        unnest(provenance) as provenance
    from lake.es3.samples
    where ds between $first_ds and $ds
)

select
    query_tier,
    is_exposed,
    provenance,
    count(*) as num_rows,
    [{% for label in labels %}count(*) filter (where {{ label }}){{ ", " if not loop.last }}{% endfor %}] as positives
from rows
group by all
