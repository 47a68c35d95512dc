-- How many actions of each user were known when the day $carried_ds had ended: from the day $base_ds that is carried
-- already, the stored sequences since, and those of the days from $first_ds on, which are new.
--
-- Reads es3.sequence_lengths, es3.sequences, new_sequences.
-- Makes new_lengths.
create or replace temp table new_lengths as
select
    $carried_ds as ds,
    user_id,
    max(num_known) as num_known
from (
    select
        user_id,
        num_known
    from lake.es3.sequence_lengths
    where ds = $base_ds
    union all
    select
        user_id,
        num_known
    from lake.es3.sequences
    where ds > $base_ds and ds <= $carried_ds and ds < $first_ds
    union all
    select
        user_id,
        num_known
    from new_sequences
    where ds <= $carried_ds
)
group by user_id
order by user_id;
