-- User Behavior Insights as the five tables of the event contract. ubi_lines holds one record a row as JSON text,
-- ubi_kinds what an action_name means, ubi_told_positions where the positions of an application begin if a person says so;
-- is_possible says whether a moment can be one of a log.

-- A JSON value, which some dumps write as text; NULL for null.
create or replace temp macro opened(j) as
    case json_type(j) when 'VARCHAR' then try_cast(json_extract_string(j, '$') as json) when 'NULL' then null else j end;

-- An identifier as text, byte for byte: text, or a whole number however long. NULL if it is missing or anything else.
create or replace temp macro id_of(j) as
    case
        when json_type(j) = 'VARCHAR' or regexp_full_match(json_extract_string(j, '$'), '-?[0-9]+')
            then nullif(json_extract_string(j, '$'), '')
    end;

create or replace temp macro is_no_id(j) as
    json_type(j) not in ('NULL', 'VARCHAR') and id_of(j) is null;

-- A moment as text with its zone, or what stands in its place in the log, for the checks to name and not to guess at.
create or replace temp macro told_moment(t, v) as
    coalesce(strftime(t, '%Y-%m-%dT%H:%M:%S.%fZ'), 'not ISO 8601: ' || v);

-- A dump's line holds the index and the record; a record by itself is of the index that the line before it, or the name
-- of its file, tells.
create or replace temp table ubi_records as
with parsed as (select *, try_cast(line as json) as whole from ubi_lines),

sourced as (
    select
        * exclude (whole),
        coalesce(case when json_type(whole, '$._source') = 'OBJECT' then whole -> '$._source' end, whole) as record,
        lower(coalesce(
            case when json_type(whole, '$._source') = 'OBJECT' then whole ->> '$._index' end, told_index
        )) as index_name
    from parsed
),

told as (
    select
        * exclude (index_name),
        case
            when contains(index_name, 'queries') and not contains(index_name, 'events') then 'query'
            when contains(index_name, 'events') and not contains(index_name, 'queries') then 'event'
        end as kind,
        record -> '$.query_id' as query_json,
        record -> '$.client_id' as client_json,
        coalesce(
            nullif(record -> '$.query_response_hit_ids', 'null'),
            nullif(record -> '$.query_response_object_ids', 'null'),
            nullif(record -> '$.query_response_objects_ids', 'null')
        ) as hits_json,
        opened(record -> '$.event_attributes') as attributes,
        attributes -> '$.object.object_id' as object_json
    from sourced
)

select
    part,
    row_number,
    line,
    kind,
    opened(hits_json) as hits,
    attributes,
    id_of(query_json) as query_id,
    id_of(client_json) as client_id,
    id_of(object_json) as object_id,
    nullif(record ->> '$.application', '') as application,
    coalesce(record ->> '$.user_query', '') as user_query,
    nullif(record ->> '$.action_name', '') as action_name,
    record ->> '$.timestamp' as told_at,
    utc_time(told_at, zone_names := false, epoch_numbers := true) as happened_at,
    case
        when reason is not null then reason
        when record is null or json_type(record) <> 'OBJECT' then 'is no JSON object'
        when kind is null then 'is neither of ubi_queries nor of ubi_events, by its index or by the name of its file'
        when is_no_id(query_json) then 'query_id is neither text nor a whole number'
        when is_no_id(client_json) then 'client_id is neither text nor a whole number'
        when is_no_id(object_json) then 'object_id is neither text nor a whole number'
        when kind = 'query' and hits_json is not null and json_type(opened(hits_json)) is distinct from 'ARRAY'
            then 'what the query returned is no list of identifiers'
        when kind = 'event' and nullif(record ->> '$.action_name', '') is null then 'an event without action_name'
    end as reason
from told;

create or replace temp view ubi_misfits as
select part, row_number, coalesce(kind, 'query') as kind, reason, line from ubi_records where reason is not null;

-- A search is a query_id with one text: most are logged several times (one record per call of the engine), and an id that
-- goes on to another text stands for another search. A record without an id or a time is a row of its own, for the checks.
create or replace temp table ubi_queries as
with queries as (
    select *, query_id is not null and client_id is not null and is_possible(happened_at) as is_whole
    from ubi_records
    where kind = 'query' and reason is null
)

select
    *,
    not is_whole or row_number() over (
        partition by is_whole, query_id, user_query, client_id order by happened_at, part, row_number
    ) = 1 as is_request
from queries;

create or replace temp table ubi_searches as
with searches as (
    select query_id, user_query, min(happened_at) as started_at
    from ubi_queries
    where is_whole
    group by query_id, user_query
)

select
    *,
    row_number() over (partition by query_id order by started_at, user_query) as turn,
    query_id || case when turn > 1 then '#' || turn else '' end as request_id
from searches;

create or replace temp view ubi_requests as
select
    part,
    row_number,
    coalesce(request_id, query_id) as request_id,
    client_id as user_id,
    'search' as domain,
    nullif(user_query, '') as query_text,
    told_moment(happened_at, told_at) as requested_at,
    facts([('application', application)]) as attributes
from ubi_queries left join ubi_searches using (query_id, user_query)
where is_request;

-- What a user saw or did. It belongs to the search of its query_id whose text it tells; if it tells none, to the one that
-- began last before it.
create or replace temp table ubi_events as
with events as (
    select e.*, k.meaning
    from ubi_records as e left join ubi_kinds as k using (action_name)
    where e.kind = 'event' and e.reason is null
),

matched as (
    select e.*, coalesce(s.request_id, e.query_id) as request_id
    from events as e left join ubi_searches as s using (query_id)
    qualify row_number() over (
        partition by e.part, e.row_number
        order by
            e.user_query <> '' and coalesce(s.user_query = e.user_query, false) desc,
            s.started_at <= e.happened_at desc nulls last,
            case when s.started_at <= e.happened_at then s.started_at end desc nulls last,
            s.started_at
    ) = 1
)

select
    part,
    row_number,
    application,
    action_name,
    meaning,
    request_id,
    query_id,
    client_id,
    object_id,
    told_at,
    happened_at,
    attributes ->> '$.position.ordinal' as ordinal,
    nullif(attributes ->> '$.object.description', '') as description,
    attributes ->> '$.object.object_id_field' as object_id_field,
    meaning = 'impression' and request_id is not null and object_id is not null and row_number() over (
        partition by meaning, request_id, object_id
        order by try_cast(ordinal as integer) is null, happened_at, part, row_number
    ) > 1 as is_shown_again
from matched;

-- Where the positions of an application begin, at 0 or at 1: there most of its lists begin. One place out of line in a
-- list does not move all others.
create or replace temp table ubi_positions as
with lists as (
    select application, min(try_cast(ordinal as integer)) as first
    from ubi_events
    where meaning = 'impression'
    group by application, request_id
)

select
    lists.application,
    count(*) filter (first = 0) as lists_from_0,
    count(*) filter (first = 1) as lists_from_1,
    any_value(told.positions_from) as told_from,
    coalesce(told_from, case when lists_from_0 > lists_from_1 then 0 else 1 end) as positions_from
from lists left join ubi_told_positions as told on lists.application is not distinct from told.application
group by lists.application;

create or replace temp view ubi_impressions as
select
    part,
    row_number,
    request_id,
    object_id as item_id,
    true as is_exposed,
    case positions_from
        when 0 then coalesce(cast(try_cast(ordinal as integer) + 1 as varchar), ordinal) else ordinal
    end as position
from ubi_events as e left join ubi_positions as p on e.application is not distinct from p.application
where meaning = 'impression' and not is_shown_again;

-- What the engine returned and no impression shows.
create or replace temp view ubi_unshown as
with hits as (
    select part, row_number, query_id, user_query, happened_at, unnest(json_extract(hits, '$[*]')) as hit
    from ubi_queries
    where is_whole and hits is not null
),

listed as (
    select part, row_number, request_id, id_of(hit) as item_id
    from hits inner join ubi_searches using (query_id, user_query)
    qualify row_number() over (partition by request_id, item_id order by happened_at, part, row_number) = 1
)

select *, false as is_exposed
from listed
where not exists (
    select 1 from ubi_events as e
    where e.meaning = 'impression' and e.request_id = listed.request_id and e.object_id = listed.item_id
);

create or replace temp view ubi_actions as
select
    part,
    row_number,
    concat_ws('-', coalesce(query_id, client_id), object_id, action_name, coalesce(cast(epoch_ms(happened_at) as varchar), told_at))
        as action_id,
    client_id as user_id,
    object_id as item_id,
    meaning as action,
    told_moment(happened_at, told_at) as acted_at,
    acted_at as recorded_at,
    'search' as domain,
    request_id
from ubi_events
where meaning <> 'impression';

-- A user is a client (a browser): queries name no other. It is known from the first time it is seen.
create or replace temp view ubi_users as
with seen as (
    select part, row_number, client_id, happened_at from ubi_queries
    union all
    select part, row_number, client_id, happened_at from ubi_events where meaning is not null
)

select part, row_number, client_id as user_id, told_moment(happened_at, null) as valid_from, valid_from as recorded_at
from seen
where client_id is not null and is_possible(happened_at)
qualify row_number() over (partition by client_id order by happened_at, part, row_number) = 1;

-- An item is known by what events tell of it, from when they do; its next version comes with another description.
create or replace temp view ubi_items as
with told as (
    select part, row_number, object_id, object_id_field, happened_at, description
    from ubi_events
    where meaning is not null and object_id is not null and is_possible(happened_at)
    qualify row_number() over (partition by object_id, happened_at order by description is null, part, row_number) = 1
),

known as (
    select
        * exclude (description, object_id_field),
        last_value(description ignore nulls) over so_far as title,
        last_value(object_id_field ignore nulls) over so_far as id_field
    from told
    window so_far as (partition by object_id order by happened_at)
)

select
    part,
    row_number,
    object_id as item_id,
    title,
    told_moment(happened_at, null) as valid_from,
    valid_from as recorded_at,
    facts([('object_id_field', id_field)]) as attributes
from known
window by_time as (partition by object_id order by happened_at)
qualify
    row_number() over by_time = 1 or (title, id_field) is distinct from lag((title, id_field)) over by_time;
