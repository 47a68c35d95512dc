-- KuaiSAR as the five tables of the event contract. The views src_inter, rec_inter, user_features and item_features
-- show the files: every column as text, and row_number.
create or replace temp view kuaisar_search_rows as
select
    *,
    's' || user_id || '-' || search_session_id as request_id,
    time_of_ms(search_session_timestamp) as searched_at
from src_inter;

create or replace temp view kuaisar_feed_rows as
select
    *,
    time_of_ms("timestamp") as sent_at,
    'f' || user_id || '-' || coalesce(cast(epoch_ms(sent_at) as varchar), "timestamp") as request_id
from rec_inter;

create or replace temp table kuaisar_start as
select least(
    (select min(searched_at) from kuaisar_search_rows), (select min(sent_at) from kuaisar_feed_rows)
) as started_at;

-- The activity levels are left out: they count days of the month that the log itself covers.
create or replace temp view kuaisar_users as
select
    row_number,
    user_id,
    started_at as valid_from,
    started_at as recorded_at,
    facts([('onehot_feat1', onehot_feat1), ('onehot_feat2', onehot_feat2)]) as attributes
from user_features cross join kuaisar_start;

-- Category ids end at the first level that is 0; dates are those of Beijing.
create or replace temp view kuaisar_items as
select
    row_number,
    item_id,
    tokens(caption) as title,
    case
        when first_level_category_id = '0' then null
        when second_level_category_id = '0' then first_level_category_id
        when third_level_category_id = '0' then concat_ws('/', first_level_category_id, second_level_category_id)
        when fourth_level_category_id = '0'
            then concat_ws('/', first_level_category_id, second_level_category_id, third_level_category_id)
        else concat_ws(
            '/', first_level_category_id, second_level_category_id, third_level_category_id, fourth_level_category_id
        )
    end as category_id,
    nullif(author_id, '0') as shop_id,
    greatest(started_at, utc_time(upload_time) - interval 8 hour) as valid_from,
    valid_from as recorded_at,
    facts([('item_type', item_type), ('upload_type', upload_type)]) as attributes
from item_features cross join kuaisar_start;

create or replace temp view kuaisar_searches as
select
    row_number,
    request_id,
    user_id,
    'search' as domain,
    tokens(keyword) as query_text,
    as_told(searched_at, search_session_timestamp) as requested_at,
    facts([('search_source', search_source)]) as attributes
from kuaisar_search_rows
qualify row_number() over (partition by request_id order by row_number) = 1;

create or replace temp view kuaisar_feed_requests as
select
    row_number,
    request_id,
    user_id,
    'feed' as domain,
    as_told(sent_at, "timestamp") as requested_at
from kuaisar_feed_rows
qualify row_number() over (partition by request_id order by row_number) = 1;

-- An item that a list shows twice is one candidate.
create or replace temp view kuaisar_results as
with shown as (
    select min(row_number) as row_number, request_id, item_id from kuaisar_search_rows group by request_id, item_id
)
select
    *,
    true as is_exposed,
    row_number() over (partition by request_id order by arbitrary_order(request_id, item_id)) as position
from shown;

create or replace temp view kuaisar_feed_items as
with shown as (
    select min(row_number) as row_number, request_id, item_id from kuaisar_feed_rows group by request_id, item_id
)
select
    *,
    true as is_exposed,
    row_number() over (partition by request_id order by arbitrary_order(request_id, item_id)) as position
from shown;

create or replace temp view kuaisar_search_clicks as
select
    row_number,
    request_id || '-' || item_id || '-click' as action_id,
    user_id,
    item_id,
    action_if(click_cnt, 'click') as action,
    searched_at + interval 1 minute as acted_at,
    acted_at as recorded_at,
    'search' as domain,
    request_id
from kuaisar_search_rows
where action_if(click_cnt, 'click') is not null
qualify row_number() over (partition by action_id order by row_number) = 1;

-- A reaction to a video is known when the user has watched it, and a minute after it was sent at the earliest.
create or replace temp view kuaisar_feed_reactions as
with flags as (
    select *, 'click' as kind, click as flag from kuaisar_feed_rows
    union all
    select *, 'favorite' as kind, "like" as flag from kuaisar_feed_rows
)
select
    row_number,
    request_id || '-' || item_id || '-' || kind as action_id,
    user_id,
    item_id,
    action_if(flag, kind) as action,
    sent_at + interval 1 minute as acted_at,
    sent_at + greatest(interval 1 minute, to_milliseconds(coalesce(try_cast(playing_time as double), 0)))
        as recorded_at,
    'feed' as domain,
    request_id,
    kind
from flags
where action_if(flag, kind) is not null
qualify row_number() over (partition by action_id order by row_number) = 1;

create or replace temp view kuaisar_feed_clicks as
select * exclude (kind) from kuaisar_feed_reactions where kind = 'click';

create or replace temp view kuaisar_feed_likes as
select * exclude (kind) from kuaisar_feed_reactions where kind = 'favorite';
