-- How many actions of each user were known, from which moment of the day on: before the first one, what earlier days knew.
--
-- Reads es3.sequence_lengths, es3.sequences.
-- Makes known_counts.
create or replace temp table known_counts as
with earlier as (
    select
        user_id,
        num_known
    from lake.es3.sequence_lengths
    where ds = $carried_ds
    union all
    select
        user_id,
        num_known
    from lake.es3.sequences
    where ds > $carried_ds and ds < $ds
),

today as (
    select
        user_id,
        unnest(known_at) as known_at,
        num_known - len(known_at) + generate_subscripts(known_at, 1) as num_known
    from lake.es3.sequences
    where ds = $ds
)

select
    user_id,
    known_at,
    max(num_known) as num_known
from (
    select
        user_id,
        $ds::timestamp - interval 1 microsecond as known_at,
        num_known
    from earlier
    union all
    select * from today
)
group by user_id, known_at;
