-- Stage C, third part. Negatives of the synthetic requests: items that the user saw in the list of the click and neither
-- clicked nor carted, of a category that the query leads to. They are drawn so that a click is tied to the match of query
-- and item as in the day's real lists, and the items most like a clicked one are taken first.
--
-- Reads marts.query_item_stats, candidate_rows, item_versions, outside_groups, group_queries, outside_rows.
-- Makes query_categories, matched_rows, word_chances, seen_negatives, kind_chances, negative_rows, synthetic_rows,
-- sample_rows.

-- What a query means: the category that most of its clicks of earlier days went to, and the others that some went to.
create or replace temp table query_categories as
select
    query_text,
    category_id,
    row_number() over (partition by query_text order by num_clicks desc, category_id desc) = 1 as is_meant
from lake.marts.query_item_stats
where ds = $ds and num_clicks > 0;

-- Rows of real lists and of the lists of synthetic requests, by how the item matches the query: whether its category is
-- the one meant, and how many of how many words. Categories that no click of the query ever went to are left out.
create or replace temp table matched_rows as
with real_requests as (
    select distinct
        request_id as sample_id,
        requested_at,
        normalised_query as query_text
    from candidate_rows
    where is_exposed and normalised_query is not null
    order by md5_number_lower(sample_id), sample_id
    limit $max_lists
),

-- Split once per request, not per row.
real_queries as materialized (
    select
        *,
        distinct_words(query_text) as query_words
    from real_requests
),

real_rows as (
    select
        0 as query_tier,
        requests.sample_id,
        rows.item_id,
        requests.query_text,
        requests.query_words,
        item_versions.category_id,
        item_versions.title_words,
        rows.is_clicked,
        null as wanted_category_id
    from real_queries as requests
    inner join sample_rows as rows on requests.sample_id = rows.sample_id
    asof inner join item_versions
        on rows.item_id = item_versions.item_id and rows.requested_at >= item_versions.known_from
    where rows.is_exposed
),

made_queries as materialized (
    select
        outside_groups.sample_id,
        outside_groups.request_id,
        outside_groups.category_id,
        group_queries.query_tier,
        group_queries.query_text,
        distinct_words(group_queries.query_text) as query_words
    from outside_groups
    inner join group_queries on outside_groups.sample_id = group_queries.sample_id
),

seen_rows as (
    select
        requests.query_tier,
        requests.sample_id,
        items.item_id,
        requests.query_text,
        requests.query_words,
        items.category_id,
        items.title_words,
        items.is_clicked,
        requests.category_id as wanted_category_id
    from made_queries as requests
    inner join outside_rows as items
        on
            requests.request_id = items.request_id
            and (
                items.is_negative
                or (items.is_positive and requests.category_id = items.category_id)
            )
),

rows as (
    select * from real_rows
    union all
    select * from seen_rows
)

select
    rows.query_tier,
    rows.sample_id,
    rows.item_id,
    rows.title_words,
    rows.is_clicked,
    -- A query that nobody clicked after means what the synthetic request is about.
    coalesce(categories.is_meant, known_queries.query_text is null) as is_meant,
    least(len(rows.query_words), 8) as num_asked,
    least(coalesce(len(list_intersect(rows.query_words, rows.title_words)), 0), 8) as num_matching
from rows
left join query_categories as known_queries on rows.query_text = known_queries.query_text and known_queries.is_meant
left join query_categories as categories
    on rows.query_text = categories.query_text and rows.category_id = categories.category_id
where categories.is_meant is not null or rows.category_id = rows.wanted_category_id;

-- The more words match, the more often a real row is clicked. In other domains nobody saw the query, so a seen row becomes a
-- negative with a chance in proportion to the odds against a click of real rows that match as well. A class of few rows
-- has the click rate of its neighbours.
create or replace temp table word_chances as
with classes as (
    select
        is_meant,
        num_asked,
        num_matching,
        count(*) as num_rows,
        count(*) filter (where is_clicked) as num_clicks
    from matched_rows
    where query_tier = 0
    group by is_meant, num_asked, num_matching
),

smoothed as (
    select
        *,
        (
            num_clicks
            + 20
            * sum(num_clicks) over (partition by is_meant, num_asked)
            / sum(num_rows) over (partition by is_meant, num_asked)
        )
        / (num_rows + 20) as click_rate
    from classes
)

select
    is_meant,
    num_asked,
    num_matching,
    (1 - click_rate) / click_rate
    / max((1 - click_rate) / click_rate) over (partition by is_meant, num_asked) as chance
from smoothed
where click_rate > 0 and click_rate < 1;

create or replace temp table seen_negatives as
select
    rows.*,
    uniform_hash($salt, rows.sample_id || '|' || rows.item_id) as draw,
    coalesce(word_chances.chance, 1) as word_chance
from matched_rows as rows
left join word_chances
    on
        rows.is_meant = word_chances.is_meant
        and rows.num_asked = word_chances.num_asked
        and rows.num_matching = word_chances.num_matching
where rows.query_tier > 0 and not rows.is_clicked;

-- Pairs of a clicked and an unclicked row of one list whose categories differ: how often is the clicked one of the category
-- meant? Where synthetic lists have more pairs of one kind than real ones, its unclicked rows are thinned to the real odds.
-- Ten pairs of either kind are added, so that few pairs thin little.
create or replace temp table kind_chances as
with rows as (
    select
        query_tier,
        sample_id,
        is_meant,
        is_clicked
    from matched_rows
    where query_tier = 0 or is_clicked
    union all
    select
        query_tier,
        sample_id,
        is_meant,
        is_clicked
    from seen_negatives
    where draw < word_chance
),

lists as (
    select
        query_tier,
        count(*) filter (where is_clicked and is_meant) * count(*) filter (where not is_clicked and not is_meant)
            as num_for,
        count(*) filter (where is_clicked and not is_meant) * count(*) filter (where not is_clicked and is_meant)
            as num_against
    from rows
    group by query_tier, sample_id
),

odds as (
    select
        query_tier,
        (sum(num_for) + 10) / (sum(num_against) + 10) as odds
    from lists
    group by query_tier
),

compared as (
    select
        made.query_tier,
        coalesce(real_lists.odds, 1) / made.odds as ratio
    from odds as made
    left join odds as real_lists on real_lists.query_tier = 0
    where made.query_tier > 0
)

select
    query_tier,
    false as is_meant,
    least(1, ratio) as chance
from compared
union all
select
    query_tier,
    true as is_meant,
    least(1, 1 / ratio) as chance
from compared;

create or replace temp table negative_rows as
with click_rate as (
    select count(*) filter (where is_clicked) / nullif(count(*), 0) as rate
    from candidate_rows
    where is_exposed
),

bounds as (
    select least($max_negatives, coalesce((1 - rate) / nullif(rate, 0), $max_negatives)) as negatives_per_positive
    from click_rate
),

drawn as (
    select rows.*
    from seen_negatives as rows
    inner join kind_chances as kinds on rows.query_tier = kinds.query_tier and rows.is_meant = kinds.is_meant
    where rows.draw < rows.word_chance * kinds.chance
),

likened as (
    select
        drawn.sample_id,
        drawn.item_id,
        drawn.draw,
        coalesce(max(jaccard(drawn.title_words, clicked.title_words)), 0) as likeness
    from drawn
    inner join matched_rows as clicked on drawn.sample_id = clicked.sample_id and clicked.is_clicked
    group by drawn.sample_id, drawn.item_id, drawn.draw
)

select
    likened.sample_id,
    likened.item_id,
    outside_groups.num_positives,
    bounds.negatives_per_positive
from likened
inner join outside_groups on likened.sample_id = outside_groups.sample_id
cross join bounds
qualify
    row_number() over (
        partition by likened.sample_id
        order by likened.likeness desc, likened.draw, likened.item_id
    ) <= greatest(1, round(outside_groups.num_positives * bounds.negatives_per_positive));

create or replace temp table synthetic_rows as
with balances as (
    select
        sample_id,
        -- What a positive weighs with so few negatives, for as many weighed positives as real lists have.
        least(1, count(*) / any_value(num_positives * negatives_per_positive)) as positive_weight
    from negative_rows
    group by sample_id
),

samples as (
    select
        outside_groups.sample_id,
        outside_groups.request_id,
        outside_groups.category_id,
        group_queries.query_text,
        group_queries.query_tier,
        group_queries.query_support,
        group_queries.query_confidence,
        case when $positive_rate = 'weigh' then balances.positive_weight else 1 end as positive_weight
    from outside_groups
    inner join group_queries on outside_groups.sample_id = group_queries.sample_id
    -- A record without a negative teaches a ranker nothing.
    inner join balances on outside_groups.sample_id = balances.sample_id
)

select
    samples.* exclude (positive_weight),
    rows.user_id,
    rows.domain,
    rows.requested_at,
    rows.item_id,
    rows.is_exposed,
    rows.position,
    rows.is_positive as is_clicked,
{% for label in native_only %}
    rows.is_positive and rows.{{ label }} as {{ label }},
{% endfor %}
    rows.is_positive and rows.has_free_purchase as is_purchased,
    case when rows.is_positive then rows.free_value else 0 end as purchase_value,
    case when rows.is_positive then rows.action_id end as action_id,
    case when rows.is_positive then samples.positive_weight else 1 end as weight
from samples
inner join outside_rows as rows on samples.request_id = rows.request_id
left join negative_rows
    on samples.sample_id = negative_rows.sample_id and rows.item_id = negative_rows.item_id
where (rows.is_positive and rows.category_id = samples.category_id) or negative_rows.item_id is not null;

insert into sample_rows by name
select
    * exclude (category_id, weight),
    'synthetic' as provenance,
    1.0 as inclusion_probability,
    cast($synthetic_weight * weight as float) as label_weight
from synthetic_rows;
