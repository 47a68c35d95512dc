-- JDsearch as the five tables of the event contract. The views behavior and products show the files: every column as text,
-- and row_number. Lists are parted by _, the terms of a text by the character 24.
create or replace temp macro terms(v) as replace(v, chr(24), ' ');
create or replace temp macro entries(v) as coalesce(string_split(v, '_'), []);

create or replace temp view jdsearch_lines as
select
    row_number,
    'u' || row_number as user_id,
    -- The day is published, the time of day is not: noon stands for it.
    timestamp '2022-10-17 12:00:00' as searched_at,
    terms(query) as query_text,
    entries(candidate_wid_list) as wids,
    entries(candidate_label_list) as labels,
    entries(history_qry_list) as past_queries,
    entries(history_wid_list) as past_wids,
    entries(history_type_list) as past_types,
    list_transform(entries(history_time_list), lambda gap: try_cast(gap as double)) as gaps,
    len(wids) = len(labels) as is_list_whole,
    len(past_wids) = len(past_types) and len(past_wids) = len(past_queries)
    and list_count(gaps) = len(past_wids) + 1 as is_past_whole
from behavior;

create or replace temp view jdsearch_misfits as
select
    lines.row_number,
    case
        when not is_list_whole then 'candidate_wid_list and candidate_label_list are not equally long'
        else 'the lists of the history do not fit: history_time_list has one number more than each of the others entries'
    end as reason,
    concat_ws(
        chr(9), query, candidate_wid_list, candidate_label_list, history_qry_list, history_wid_list, history_type_list,
        history_time_list
    ) as line
from jdsearch_lines as lines inner join behavior using (row_number)
where not (is_list_whole and is_past_whole);

create or replace temp view jdsearch_users as
select
    row_number, user_id, timestamp '2021-10-18 00:00:00' as valid_from, timestamp '2021-10-18 00:00:00' as recorded_at
from jdsearch_lines
where is_list_whole and is_past_whole;

create or replace temp view jdsearch_items as
select
    row_number,
    wid as item_id,
    terms(name) as title,
    concat_ws('/', cate_id_1, cate_id_2, cate_id_3, cate_id_4) as category_id,
    brand_id,
    shop_id,
    timestamp '2021-10-18 00:00:00' as valid_from,
    timestamp '2021-10-18 00:00:00' as recorded_at
from products;

create or replace temp view jdsearch_searches as
select
    row_number,
    's' || row_number as request_id,
    user_id,
    'search' as domain,
    query_text,
    searched_at as requested_at
from jdsearch_lines
where is_list_whole and is_past_whole;

-- The order in the file is of no use: products that were touched come first.
create or replace temp view jdsearch_candidates as
with listed as (
    select 's' || row_number as request_id, unnest(wids) as item_id
    from jdsearch_lines
    where is_list_whole and is_past_whole
)
select
    row_number() over () as row_number,
    request_id,
    item_id,
    true as is_exposed,
    row_number() over (partition by request_id order by arbitrary_order(request_id, item_id)) as position
from listed;

create or replace temp view jdsearch_outcomes as
with labelled as (
    select row_number as line, user_id, searched_at, unnest(wids) as item_id, unnest(labels) as label
    from jdsearch_lines
    where is_list_whole and is_past_whole
)
select
    row_number() over () as row_number,
    's' || line || '-' || item_id as action_id,
    user_id,
    item_id,
    case label when '1.0' then 'click' when '2.0' then 'cart' when '3.0' then 'purchase' else label end as action,
    searched_at + case when action = 'click' then interval 1 minute else interval 10 minute end as acted_at,
    acted_at as recorded_at,
    'search' as domain,
    's' || line as request_id
from labelled
where label <> '0.0';

-- What came before, in time: a search is a run of actions under the same query; -1 is an action without one.
create or replace temp view jdsearch_past as
with steps as (
    select
        row_number as line,
        user_id,
        searched_at,
        unnest(range(1, len(past_wids) + 1)) as place,
        unnest(past_wids) as item_id,
        unnest(past_types) as kind,
        unnest(past_queries) as query,
        unnest(gaps[2:]) as gap
    from jdsearch_lines
    where is_list_whole and is_past_whole
),
timed as (
    select
        *,
        searched_at - to_seconds(sum(gap) over later) as acted_at,
        query is distinct from lag(query) over earlier as is_new
    from steps
    window
        later as (partition by line order by place rows between current row and unbounded following),
        earlier as (partition by line order by place)
)
select
    *,
    'h' || line || '-' || sum(is_new::integer) over (partition by line order by place) as request_id
from timed;

create or replace temp view jdsearch_past_searches as
select
    row_number() over (order by line, min(place)) as row_number,
    request_id,
    user_id,
    'search' as domain,
    terms(query) as query_text,
    min(acted_at) as requested_at
from jdsearch_past
where query <> '-1'
group by line, request_id, user_id, query;

create or replace temp view jdsearch_past_actions as
select
    row_number() over (order by line, place) as row_number,
    'h' || line || '-' || place || '-' || item_id as action_id,
    user_id,
    item_id,
    case kind when 'CLICK' then 'click' when 'CART' then 'cart' when 'ORD' then 'purchase' when 'FLW' then 'favorite'
        else kind end as action,
    acted_at,
    acted_at as recorded_at,
    case query when '-1' then 'shop' else 'search' end as domain,
    case when query <> '-1' then request_id end as request_id
from jdsearch_past;
