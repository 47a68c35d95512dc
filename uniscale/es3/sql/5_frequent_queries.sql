-- Stage C, tier 3. What the nearest query is looked for in: queries of earlier days that several users asked, so that
-- nobody's private words are lent to others. From the log: most of these days are before those that marts hold.
--
-- Reads raw.requests, item_versions.
-- Makes frequent_queries, known_texts.
create or replace temp table frequent_queries as
select
    normalised_query(query_text) as query_text,
    count(distinct user_id) as num_users
from lake.raw.requests
where
    ds >= $first_history_ds
    and ds < $ds
    and domain = $target_domain
    and normalised_query(query_text) is not null
group by all
having count(distinct user_id) >= $min_support;

-- Enough texts to know how rare a piece of a word is, the same ones every time.
create or replace temp table known_texts as
select text
from (
    select distinct title as text
    from item_versions
    where known_from < $ds::timestamp and title is not null
    union
    select query_text as text
    from frequent_queries
)
order by md5_number_lower(text), text
limit 20000;
