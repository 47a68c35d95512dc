-- Behaviour sequences of the days from $first_ds on: what was learnt of each user on each day, in the order in which it
-- became known. Earlier days only say how long each user's sequence was: the day $base_ds, and what is stored since.
--
-- Reads raw.actions, marts.item_versions, es3.sequence_lengths, es3.sequences.
-- Makes new_sequences.
create or replace temp table new_sequences as
with acts as (
    -- From the log: it is what a sequence holds, whole and in the order of knowledge.
    -- What an item was is what features of the day say: at its end for later requests, at its begin for those of the day.
    select
        actions.*,
        coalesce(known.category_id, '') as category_id,
        coalesce(known.brand_id, '') as brand_id,
        coalesce(known_before.category_id, '') as fresh_category_id,
        coalesce(known_before.brand_id, '') as fresh_brand_id
    from lake.raw.actions
    asof left join lake.marts.item_versions as known
        on actions.item_id = known.item_id and actions.ds + interval 1 day > known.known_from
    asof left join lake.marts.item_versions as known_before
        on actions.item_id = known_before.item_id and actions.ds::timestamp > known_before.known_from
    where actions.ds between $first_ds and $last_ds
),

-- Sorted once gathered, by the leading fields: an ordered aggregate keeps a sorter per user.
gathered as (
    select
        ds,
        user_id,
        list_sort(list(
            {
                'known_at': recorded_at,
                'acted_second': epoch(acted_at)::bigint,
                'action_id': action_id,
                'acted_at': acted_at,
                'item_id': item_id,
                'category_id': category_id,
                'brand_id': brand_id,
                'fresh_category_id': fresh_category_id,
                'fresh_brand_id': fresh_brand_id,
                'action': action,
                'domain': domain
            }
        )) as acts
    from acts
    group by ds, user_id
),

earlier as (
    select
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
        where ds > $base_ds and ds < $first_ds
    )
    group by user_id
)

select
    gathered.ds,
    gathered.user_id,
    cast(
        coalesce(earlier.num_known, 0)
        + sum(len(gathered.acts)) over (partition by gathered.user_id order by gathered.ds) as bigint
    ) as num_known,
    [act.known_at for act in gathered.acts] as known_at,
    [act.acted_at for act in gathered.acts] as acted_at,
    [act.item_id for act in gathered.acts] as item_ids,
    [act.category_id for act in gathered.acts] as category_ids,
    [act.brand_id for act in gathered.acts] as brand_ids,
    [act.fresh_category_id for act in gathered.acts] as fresh_category_ids,
    [act.fresh_brand_id for act in gathered.acts] as fresh_brand_ids,
    [act.action for act in gathered.acts] as actions,
    [act.domain for act in gathered.acts] as domains
from gathered
left join earlier on gathered.user_id = earlier.user_id
order by gathered.ds, gathered.user_id;
