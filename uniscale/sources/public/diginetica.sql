-- Diginetica as the five tables of the event contract. The views queries, clicks, item_views, purchases, products and
-- product_categories show the files: every column as text, and row_number. A list of tokens is parted by commas.
create or replace temp macro time_of(eventdate, timeframe) as
    utc_time(eventdate) + to_milliseconds(try_cast(timeframe as double));

-- Who a session belongs to: the user, once any row of the session names one; else the session is a user of its own.
create or replace temp table diginetica_sessions as
with rows as (
    select sessionId, userId, eventdate from queries
    union all
    select sessionId, userId, eventdate from item_views
    union all
    select sessionId, userId, eventdate from purchases
)
select
    sessionId,
    coalesce('u' || min(userId), 's' || sessionId) as user_id,
    min(utc_time(eventdate)) as first_day
from rows
where sessionId is not null
group by sessionId;

create or replace temp table diginetica_start as
select min(first_day) as started_at from diginetica_sessions;

create or replace temp view diginetica_users as
select
    row_number() over (order by user_id) as row_number,
    user_id,
    started_at as valid_from,
    started_at as recorded_at
from (select distinct user_id from diginetica_sessions) cross join diginetica_start;

create or replace temp view diginetica_items as
with categories as (
    select itemId, categoryId from product_categories
    qualify row_number() over (partition by itemId order by row_number) = 1
)
select
    row_number,
    itemId as item_id,
    replace("product.name.tokens", ',', ' ') as title,
    categoryId as category_id,
    nullif(round(pow(2, try_cast(pricelog2 as double)) - 1, 2), 0) as price,
    started_at as valid_from,
    started_at as recorded_at
from products left join categories using (itemId) cross join diginetica_start;

-- The clicks of test queries were withheld, so their lists tell nothing.
create or replace temp view diginetica_lists as
select
    row_number,
    queryId,
    'q' || queryId as request_id,
    user_id,
    case when "searchstring.tokens" is null then 'shop' else 'search' end as domain,
    replace("searchstring.tokens", ',', ' ') as query_text,
    nullif(categoryId, '0') as category,
    eventdate,
    time_of(eventdate, timeframe) as asked_at,
    sessionId,
    items
from queries left join diginetica_sessions using (sessionId)
where lower(coalesce("is.test", 'false')) <> 'true';

create or replace temp view diginetica_requests as
select
    row_number,
    request_id,
    user_id,
    domain,
    query_text,
    as_told(asked_at, eventdate) as requested_at,
    facts([('category', category)]) as attributes
from diginetica_lists;

create or replace temp view diginetica_candidates as
with listed as (
    select
        request_id,
        unnest(string_split(items, ',')) as item_id,
        generate_subscripts(string_split(items, ','), 1) as position
    from diginetica_lists
)
select row_number() over () as row_number, request_id, item_id, true as is_exposed, position from listed;

-- A click that the file has twice, to the millisecond, is one click.
create or replace temp view diginetica_clicked as
select
    clicks.row_number,
    'q' || clicks.queryId as request_id,
    clicks.itemId as item_id,
    clicks.timeframe,
    lists.user_id,
    lists.domain,
    lists.sessionId,
    time_of(lists.eventdate, clicks.timeframe) as clicked_at
from clicks left join diginetica_lists as lists using (queryId)
qualify row_number() over (
    partition by clicks.queryId, clicks.itemId, clicks.timeframe order by clicks.row_number
) = 1;

create or replace temp view diginetica_clicks as
select
    row_number,
    request_id || '-' || item_id || '-' || timeframe || '-click' as action_id,
    user_id,
    item_id,
    'click' as action,
    clicked_at as acted_at,
    clicked_at as recorded_at,
    coalesce(domain, 'search') as domain,
    request_id
from diginetica_clicked;

-- The page of a product that the session clicked in a list before is that click, not a second one.
create or replace temp view diginetica_views as
with clicked as (
    select sessionId, item_id as itemId, min(clicked_at) as clicked_at from diginetica_clicked group by all
)
select
    item_views.row_number,
    'v' || sessionId || '-' || itemId || '-' || timeframe as action_id,
    user_id,
    itemId as item_id,
    'click' as action,
    as_told(time_of(eventdate, timeframe), eventdate) as acted_at,
    acted_at as recorded_at,
    'shop' as domain
from item_views left join diginetica_sessions using (sessionId) left join clicked using (sessionId, itemId)
where clicked_at is null or not coalesce(time_of(eventdate, timeframe) >= clicked_at, false);

create or replace temp view diginetica_purchases as
select
    row_number,
    'p' || sessionId || '-' || ordernumber || '-' || itemId as action_id,
    user_id,
    itemId as item_id,
    'purchase' as action,
    as_told(time_of(eventdate, timeframe), eventdate) as acted_at,
    acted_at as recorded_at,
    'shop' as domain
from purchases left join diginetica_sessions using (sessionId)
qualify row_number() over (partition by action_id order by row_number) = 1;
