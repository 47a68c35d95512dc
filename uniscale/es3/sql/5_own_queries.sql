-- Stage C, tier 1: the user's own most recent search about the category.
--
-- Reads outside_groups, raw.actions, past_searches, item_versions, raw.candidates.
-- Makes group_queries.

-- Was a past search about the category? The share of its clicks that went there, as known when the synthetic request is
-- made, is the chance that it counts as such; without a click, the share of the rows it showed. So a search for chairs
-- lends its query to a stool about as often as stools are clicked in searches for chairs.
insert into group_queries by name
with wanting as materialized (
    select
        sample_id,
        user_id,
        category_id,
        requested_at
    from outside_groups
    anti join group_queries on outside_groups.sample_id = group_queries.sample_id
),

own_clicks as (
    -- From the log, like what was shown: most past searches are of days before those that marts hold.
    select
        past_searches.*,
        actions.item_id,
        actions.recorded_at
    from lake.raw.actions
    inner join past_searches
        on actions.request_id = past_searches.request_id and actions.user_id = past_searches.user_id
    where actions.ds between $first_history_ds and $ds and actions.action = 'click'
),

click_categories as materialized (
    select
        own_clicks.* exclude (item_id),
        item_versions.category_id
    from own_clicks
    asof inner join item_versions
        on own_clicks.item_id = item_versions.item_id and own_clicks.requested_at >= item_versions.known_from
    where item_versions.category_id is not null
),

clicked_about as (
    select
        wanting.sample_id,
        wanting.requested_at as wanted_at,
        clicks.request_id,
        clicks.requested_at,
        clicks.query_text,
        count(*) as num_about
    from wanting
    inner join click_categories as clicks
        on
            wanting.user_id = clicks.user_id
            and wanting.category_id = clicks.category_id
            and wanting.requested_at > clicks.recorded_at
            and wanting.requested_at > clicks.requested_at
            and wanting.requested_at <= clicks.requested_at + $history_days * interval 1 day
    group by all
),

clicked as (
    select
        clicked_about.*,
        count(*) as num_all
    from clicked_about
    inner join click_categories as clicks
        on clicked_about.request_id = clicks.request_id and clicked_about.wanted_at > clicks.recorded_at
    group by all
),

first_clicks as (
    select
        request_id,
        min(recorded_at) as recorded_at
    from click_categories
    group by request_id
),

-- What a search showed is read only where no click of it is known: lists are many more rows than clicks.
unclicked as materialized (
    select
        wanting.sample_id,
        wanting.category_id as wanted_category_id,
        past_searches.*
    from wanting
    inner join past_searches
        on
            wanting.user_id = past_searches.user_id
            and wanting.requested_at > past_searches.requested_at
            and wanting.requested_at <= past_searches.requested_at + $history_days * interval 1 day
    left join first_clicks on past_searches.request_id = first_clicks.request_id
    where first_clicks.recorded_at is null or wanting.requested_at <= first_clicks.recorded_at
),

shown as (
    select
        searches.request_id,
        searches.requested_at,
        candidates.item_id
    from lake.raw.candidates
    inner join (select distinct request_id, requested_at from unclicked) as searches
        on candidates.request_id = searches.request_id
    where candidates.ds between $first_history_ds and $ds and candidates.is_exposed
),

shown_categories as (
    select
        shown.request_id,
        item_versions.category_id,
        count(*) as num_shown
    from shown
    asof inner join item_versions
        on shown.item_id = item_versions.item_id and shown.requested_at >= item_versions.known_from
    where item_versions.category_id is not null
    group by shown.request_id, item_versions.category_id
),

shown_shares as (
    select
        *,
        sum(num_shown) over (partition by request_id) as num_all
    from shown_categories
),

evidence as (
    select
        sample_id,
        request_id,
        requested_at,
        query_text,
        num_about as query_support,
        num_about,
        num_all
    from clicked
    union all
    select
        unclicked.sample_id,
        unclicked.request_id,
        unclicked.requested_at,
        unclicked.query_text,
        0 as query_support,
        shown.num_shown as num_about,
        shown.num_all
    from unclicked
    inner join shown_shares as shown
        on unclicked.request_id = shown.request_id and unclicked.wanted_category_id = shown.category_id
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
