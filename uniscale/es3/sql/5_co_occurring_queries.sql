-- Stage C, tier 2: a query that others' searches tie to the category. It is drawn with a probability proportional to its
-- clicks, times one plus user_mix for each of its words that the user has searched before: the taste of the user, not the
-- clicked item, chooses among the category's queries.
--
-- Reads marts.query_item_stats, outside_groups, past_searches.
-- Makes group_queries.

insert into group_queries by name
with stats as (
    select
        category_id,
        query_text,
        distinct_words(query_text) as query_words,
        num_clicks,
        confidence
    from lake.marts.query_item_stats
    where ds = $ds and num_clicks >= $min_support and confidence >= $min_confidence
    -- The tail of a category with very many queries is hardly ever drawn.
    qualify row_number() over (partition by category_id order by num_clicks desc, query_text) <= 200
),

wanting as (
    select
        outside_groups.sample_id,
        outside_groups.user_id,
        outside_groups.category_id,
        outside_groups.requested_at
    from outside_groups
    anti join group_queries on outside_groups.sample_id = group_queries.sample_id
),

asked as materialized (
    select distinct
        wanting.sample_id,
        past_searches.query_text
    from wanting
    inner join past_searches
        on
            wanting.user_id = past_searches.user_id
            and wanting.requested_at > past_searches.requested_at
            and wanting.requested_at <= past_searches.requested_at + $history_days * interval 1 day
),

-- Split once per query, not per search.
asked_words as materialized (
    select
        query_text,
        distinct_words(query_text) as query_words
    from (select distinct query_text from asked)
),

searched as (
    select
        asked.sample_id,
        list_distinct(flatten(list(asked_words.query_words))) as searched_words
    from asked
    inner join asked_words on asked.query_text = asked_words.query_text
    group by asked.sample_id
),

offers as (
    select
        wanting.sample_id,
        stats.query_text,
        stats.num_clicks,
        stats.confidence,
        stats.num_clicks
        * (1 + $user_mix * coalesce(len(list_intersect(stats.query_words, searched.searched_words)), 0)) as chance
    from wanting
    inner join stats on wanting.category_id = stats.category_id
    left join searched on wanting.sample_id = searched.sample_id
),

cumulated as (
    select
        *,
        sum(chance) over (partition by sample_id order by query_text) as chance_up_to
    from offers
),

totalled as (
    select
        *,
        max(chance_up_to) over (partition by sample_id) as chance_of_all
    from cumulated
)

select
    sample_id,
    query_text,
    2 as query_tier,
    num_clicks as query_support,
    confidence as query_confidence
from totalled
where chance_up_to > uniform_hash($salt, sample_id) * chance_of_all
qualify row_number() over (partition by sample_id order by query_text) = 1;
