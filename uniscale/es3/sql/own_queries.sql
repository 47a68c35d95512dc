-- Stage C, tier 1: the user's own most recent search about the category.

-- What a past search was about: the category the user clicked most in it, as known when the synthetic request is made;
-- without a click, the category most shown in it.
insert into group_queries by name
with pairs as (
    select
        outside_groups.sample_id,
        outside_groups.category_id as wanted_category_id,
        outside_groups.requested_at as wanted_at,
        past_searches.*
    from outside_groups
    anti join group_queries on outside_groups.sample_id = group_queries.sample_id
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
