-- Stage C, tier 3. What the nearest query is looked for with: the titles of all items of the category in the request,
-- clicked or not, where there are at least two; one title alone would be the clicked one. And what it is looked for in:
-- queries of earlier days that several users asked, so that nobody's private words are lent to others.

create or replace temp table probes as
select
    outside_groups.sample_id,
    list(distinct items.title) as titles
from outside_groups
anti join group_queries on outside_groups.sample_id = group_queries.sample_id
inner join outside_rows as items
    on outside_groups.request_id = items.request_id and outside_groups.category_id = items.category_id
where items.title is not null
group by outside_groups.sample_id
having count(*) >= 2;

-- From the log: most of these days are before those that marts hold.
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
    from known_items
    where title is not null
    union
    select query_text as text
    from frequent_queries
)
order by md5_number_lower(text), text
limit 20000;
