-- Stage C, tier 1: the user's own most recent search about the category.

-- Was a past search about the category? The share of its clicks that went there, as known when the synthetic request is
-- made, is the chance that it counts as such; without a click, the share of the rows it showed. So a search for chairs
-- lends its query to a stool about as often as stools are clicked in searches for chairs.
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
    -- From the log, like what was shown: most past searches are of days before those that marts hold.
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

clicked_shares as (
    select
        *,
        sum(num_clicks) over (partition by sample_id, request_id) as num_all
    from clicked
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

shown_shares as (
    select
        *,
        sum(num_shown) over (partition by request_id) as num_all
    from shown_categories
),

evidence as (
    select
        pairs.sample_id,
        pairs.request_id,
        pairs.requested_at,
        pairs.query_text,
        coalesce(own.num_clicks, 0) as query_support,
        coalesce(own.num_clicks, case when clicks.num_all is null then shown.num_shown end, 0) as num_about,
        coalesce(clicks.num_all, shown.num_all, 1) as num_all
    from pairs
    left join (select distinct sample_id, request_id, num_all from clicked_shares) as clicks
        on pairs.sample_id = clicks.sample_id and pairs.request_id = clicks.request_id
    left join clicked_shares as own
        on
            pairs.sample_id = own.sample_id
            and pairs.request_id = own.request_id
            and pairs.wanted_category_id = own.category_id
    left join shown_shares as shown
        on pairs.request_id = shown.request_id and pairs.wanted_category_id = shown.category_id
)

select
    sample_id,
    query_text,
    1 as query_tier,
    query_support,
    wilson_lower(num_about, num_all, $confidence_z) as query_confidence
from evidence
where
    uniform_hash($salt, sample_id || '|' || request_id) < num_about / num_all
    and wilson_lower(num_about, num_all, $confidence_z) >= $min_confidence
qualify row_number() over (partition by sample_id order by requested_at desc, request_id desc) = 1;
