-- AUC of text match alone, per query tier: the chance that a clicked row matches its query better than an unclicked
-- one, ties counting half.
with records as (
    select *
    from lake.es3.samples
    where ds between $first_ds and $ds and query_text is not null
    qualify row_number() over (partition by query_tier order by md5_number_lower(sample_id), sample_id) <= $max_records
),

titles as (
    select
        item_id,
        words(arg_max(title, valid_from)) as title_words
    from lake.raw.items
    where ds <= $ds
    group by item_id
),

rows as (
    select
        query_tier,
        words(query_text) as query_words,
        unnest(item_ids) as item_id,
        unnest(is_exposed) as is_exposed,
        unnest(is_clicked) as is_clicked
    from records
),

matches as (
    select
        rows.query_tier,
        round(len(list_intersect(rows.query_words, titles.title_words)) / nullif(len(rows.query_words), 0), 6)
            as text_match,
        count(*) filter (where rows.is_clicked) as num_clicked,
        count(*) filter (where not rows.is_clicked) as num_unclicked
    from rows
    inner join titles on rows.item_id = titles.item_id
    where rows.query_tier > 0 or rows.is_exposed
    group by all
),

ranked as (
    select
        *,
        sum(num_unclicked) over (partition by query_tier order by text_match) - num_unclicked as num_unclicked_below
    from matches
    where text_match is not null
)

select
    query_tier,
    sum(num_clicked * (num_unclicked_below + num_unclicked / 2))
    / nullif(sum(num_clicked)::double * sum(num_unclicked)::double, 0) as auc,
    sum(num_clicked)::bigint as num_clicked,
    sum(num_unclicked)::bigint as num_unclicked
from ranked
group by query_tier
order by query_tier
