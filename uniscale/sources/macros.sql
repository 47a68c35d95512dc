-- Macros for the mappings of the data sets.

-- The attributes of a row, from a list of (name, value); missing values are left out.
create or replace temp macro facts(entries) as map_from_entries(list_filter(entries, lambda e: e[2] is not null));

-- The number of edges at or below v, as text; NULL if v is missing or not a number.
create or replace temp macro bucket(v, edges) as
    case when try_cast(v as double) is not null
    then cast(len(list_filter(edges, lambda e: e <= try_cast(v as double))) as varchar) end;

-- Milliseconds since 1970 as a time; NULL if v is missing or not a number.
create or replace temp macro time_of_ms(v) as epoch_ms(try_cast(try_cast(v as double) as bigint));

-- A time as text, or what stands in its place in the file, so that the checks can name it.
create or replace temp macro as_told(t, v) as coalesce(cast(t as varchar), v);

-- What a flag of the file says: the action, nothing (0 or missing), or a word that the checks refuse.
create or replace temp macro action_if(flag, name) as
    case
        when try_cast(flag as double) > 0 then name
        when try_cast(flag as double) is null and flag is not null then name || '=' || flag
    end;

-- A place for an item of a list whose order the data does not tell: it follows from the two names and knows no label.
create or replace temp macro arbitrary_order(request_id, item_id) as md5(request_id || ' ' || item_id);

-- A list of anonymous ids as words: [20, 34, 3] becomes 20 34 3; an empty list is no text.
create or replace temp macro tokens(v) as nullif(trim(regexp_replace(v, '[^0-9A-Za-z_]+', ' ', 'g')), '');
