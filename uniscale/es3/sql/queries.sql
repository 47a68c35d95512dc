-- Stage C, second part. One query for each synthetic request. Its evidence knows the category of the clicked items,
-- never which items they are: a query chosen from the positive item would give the label away.

-- Tier 1: searches of the same user before the request, with a query.
create or replace temp table past_searches as
with users as (
    select distinct user_id
    from outside_groups
)

select
    requests.request_id,
    requests.user_id,
    requests.requested_at,
    normalised_query(requests.query_text) as query_text
from lake.raw.requests
semi join users on requests.user_id = users.user_id
where
    requests.ds between $first_history_ds and $ds
    and requests.domain = $target_domain
    and normalised_query(requests.query_text) is not null;

-- What a past search was about: the category the user clicked most in it, as known when the synthetic request is made;
-- without a click, the category most shown in it.
create or replace temp table own_queries as
with pairs as (
    select
        outside_groups.sample_id,
        outside_groups.category_id as wanted_category_id,
        outside_groups.requested_at as wanted_at,
        past_searches.*
    from outside_groups
    inner join past_searches
        on
            outside_groups.user_id = past_searches.user_id
            and outside_groups.requested_at > past_searches.requested_at
            and outside_groups.requested_at <= past_searches.requested_at + $history_days * interval 1 day
),

own_clicks as (
    select
        past_searches.request_id,
        past_searches.requested_at,
        actions.item_id,
        actions.recorded_at
    from lake.raw.actions
    inner join past_searches
        on actions.request_id = past_searches.request_id and actions.user_id = past_searches.user_id
    where actions.ds between $first_history_ds and $ds and actions.action = 'click'
),

click_categories as (
    select
        own_clicks.request_id,
        own_clicks.recorded_at,
        known_items.category_id
    from own_clicks
    asof inner join known_items
        on own_clicks.item_id = known_items.item_id and own_clicks.requested_at >= known_items.valid_from
    where known_items.category_id is not null
),

clicked as (
    select
        pairs.sample_id,
        pairs.request_id,
        click_categories.category_id,
        count(*) as num_clicks
    from pairs
    inner join click_categories
        on pairs.request_id = click_categories.request_id and pairs.wanted_at > click_categories.recorded_at
    group by pairs.sample_id, pairs.request_id, click_categories.category_id
),

clicked_top as (
    select
        *,
        sum(num_clicks) over (partition by sample_id, request_id) as num_all
    from clicked
    qualify row_number() over (partition by sample_id, request_id order by num_clicks desc, category_id) = 1
),

shown as (
    select
        past_searches.request_id,
        past_searches.requested_at,
        candidates.item_id
    from lake.raw.candidates
    inner join past_searches on candidates.request_id = past_searches.request_id
    where candidates.ds between $first_history_ds and $ds and candidates.is_exposed
),

shown_categories as (
    select
        shown.request_id,
        known_items.category_id,
        count(*) as num_shown
    from shown
    asof inner join known_items
        on shown.item_id = known_items.item_id and shown.requested_at >= known_items.valid_from
    where known_items.category_id is not null
    group by shown.request_id, known_items.category_id
),

shown_top as (
    select
        *,
        sum(num_shown) over (partition by request_id) as num_all
    from shown_categories
    qualify row_number() over (partition by request_id order by num_shown desc, category_id) = 1
),

meanings as (
    select
        pairs.sample_id,
        pairs.wanted_category_id,
        pairs.request_id,
        pairs.requested_at,
        pairs.query_text,
        coalesce(clicked_top.category_id, shown_top.category_id) as category_id,
        coalesce(clicked_top.num_clicks, 0) as query_support,
        case
            when clicked_top.category_id is not null then wilson_lower(clicked_top.num_clicks, clicked_top.num_all)
            else wilson_lower(shown_top.num_shown, shown_top.num_all)
        end as query_confidence
    from pairs
    left join clicked_top on pairs.sample_id = clicked_top.sample_id and pairs.request_id = clicked_top.request_id
    left join shown_top on pairs.request_id = shown_top.request_id
)

select
    sample_id,
    query_text,
    1 as query_tier,
    query_support,
    query_confidence
from meanings
where category_id = wanted_category_id and query_confidence >= $min_confidence
qualify row_number() over (partition by sample_id order by requested_at desc, request_id desc) = 1;

-- Tier 2: a query that others' searches tie to the category, drawn with a probability proportional to its clicks.
create or replace temp table co_occurring_queries as
with stats as (
    select
        category_id,
        query_text,
        num_clicks,
        confidence,
        cast(sum(num_clicks) over (partition by category_id order by query_text) - num_clicks as double)
            as clicks_before,
        cast(sum(num_clicks) over (partition by category_id) as double) as clicks_all
    from lake.marts.query_item_stats
    where ds = $ds and num_clicks >= $min_support and confidence >= $min_confidence
),

totals as (
    select distinct
        category_id,
        clicks_all
    from stats
),

draws as (
    select
        outside_groups.sample_id,
        outside_groups.category_id,
        uniform_hash($salt, outside_groups.sample_id) * totals.clicks_all as draw
    from outside_groups
    inner join totals on outside_groups.category_id = totals.category_id
    anti join own_queries on outside_groups.sample_id = own_queries.sample_id
)

select
    draws.sample_id,
    stats.query_text,
    2 as query_tier,
    stats.num_clicks as query_support,
    stats.confidence as query_confidence
from draws
asof inner join stats
    on draws.category_id = stats.category_id and draws.draw >= stats.clicks_before;

create or replace temp table group_queries as
select * from own_queries
union all
select * from co_occurring_queries;
