-- KuaiRand as the five tables of the event contract. The views log (all log files, their rows numbered through),
-- user_features and video_features show the files: every column as text, and row_number.
create or replace temp view kuairand_rows as
select
    *,
    time_of_ms(time_ms) as shown_at,
    'r' || user_id || '-' || time_ms || '-' || tab as request_id
from log;

create or replace temp table kuairand_start as
select min(shown_at) as started_at from kuairand_rows;

-- user_active_degree and is_lowactive_period are left out: they describe the time that the log itself covers.
create or replace temp view kuairand_users as
select
    row_number,
    user_id,
    started_at as valid_from,
    started_at as recorded_at,
    facts([
        ('is_live_streamer', is_live_streamer),
        ('is_video_author', is_video_author),
        ('follow_user_num_range', follow_user_num_range),
        ('fans_user_num_range', fans_user_num_range),
        ('friend_user_num_range', friend_user_num_range),
        ('register_days_range', register_days_range)
    ]) as attributes
from user_features cross join kuairand_start;

-- The first tag is the category. Dates are those of Beijing. visible_status and the statistics file are left out: both
-- were taken after the log.
create or replace temp view kuairand_items as
select
    row_number,
    video_id as item_id,
    nullif(split_part(tag, ',', 1), '') as category_id,
    author_id as shop_id,
    greatest(started_at, utc_time(upload_dt) - interval 8 hour) as valid_from,
    valid_from as recorded_at,
    facts([
        ('tags', tag), ('video_type', video_type), ('upload_type', upload_type), ('music_type', music_type)
    ]) as attributes
from video_features cross join kuairand_start;

create or replace temp view kuairand_requests as
with told as (
    select
        min(row_number) as row_number,
        request_id,
        user_id,
        tab,
        as_told(shown_at, time_ms) as requested_at,
        count(*) as num_videos,
        count(*) filter (is_rand = '1') as num_random
    from kuairand_rows
    group by all
)
select
    row_number,
    request_id,
    user_id,
    'tab_' || tab as domain,
    requested_at,
    map {'random': case when num_random = 0 then 'none' when num_random = num_videos then 'all' else 'some' end}
        as attributes
from told;

-- A video that a list shows twice is one candidate.
create or replace temp view kuairand_candidates as
with shown as (
    select min(row_number) as row_number, request_id, video_id as item_id
    from kuairand_rows
    group by request_id, video_id
)
select
    *,
    true as is_exposed,
    row_number() over (partition by request_id order by arbitrary_order(request_id, item_id)) as position
from shown;

-- A reaction to a video is known when the user has watched it, and a minute after it was shown at the earliest.
create or replace temp view kuairand_reactions as
with flags as (
    select *, 'click' as kind, is_click as flag from kuairand_rows
    union all
    select *, 'favorite' as kind, is_like as flag from kuairand_rows
)
select
    row_number,
    request_id || '-' || video_id || '-' || kind as action_id,
    user_id,
    video_id as item_id,
    action_if(flag, kind) as action,
    shown_at + interval 1 minute as acted_at,
    shown_at + greatest(interval 1 minute, to_milliseconds(coalesce(try_cast(play_time_ms as double), 0)))
        as recorded_at,
    'tab_' || tab as domain,
    request_id,
    kind
from flags
where action_if(flag, kind) is not null
qualify row_number() over (partition by action_id order by row_number) = 1;

create or replace temp view kuairand_clicks as
select * exclude (kind) from kuairand_reactions where kind = 'click';

create or replace temp view kuairand_likes as
select * exclude (kind) from kuairand_reactions where kind = 'favorite';
