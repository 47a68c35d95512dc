-- Text as times and maps. Every row is read by itself: the engine's own conversion of text to a time with a zone keeps
-- the zone that one row names for the rows after it.

-- Zones whose names mean one thing: the regions of the time zone database, and the few letters that have one meaning.
set variable regions = (
    select list(name order by name) from pg_timezone_names()
    where (contains(name, '/') and not starts_with(name, 'SystemV'))
        or name in ('EST', 'MST', 'HST', 'WET', 'CET', 'MET', 'EET')
);
set variable regions_upper = list_transform(getvariable('regions'), lambda name: upper(name));

-- Seconds that a zone written as an offset is ahead of UTC; NULL if it is no offset. What a region in brackets adds to
-- an offset is left out.
create or replace temp macro offset_seconds(zone) as case
    when upper(zone) in ('', 'Z', 'UTC', 'GMT', 'UT') or starts_with(upper(zone), 'Z[') then 0
    when regexp_matches(upper(zone), '^(UTC|GMT)?[+-](\d|0\d|1[0-4])(:?[0-5]\d)?(\[.*\])?$')
    then list_transform(
        [regexp_extract(zone, '([+-])(\d\d?):?(\d\d)?', ['sign', 'hours', 'minutes'])],
        lambda o: if(o.sign = '-', -1, 1) * (
            3600 * cast(o.hours as integer) + 60 * coalesce(try_cast(o.minutes as integer), 0)
        )
    )[1]
end;

-- UTC time at which the clocks of a region show a time; NULL if they skip it, or show it twice. It is as far from UTC as
-- the region is a day before, or a day after.
create or replace temp macro region_named(zone) as
    getvariable('regions')[list_position(getvariable('regions_upper'), upper(zone))];
create or replace temp macro clocks_at(region, utc) as timezone(region, timezone('UTC', utc));
create or replace temp macro utc_by_region(region, clocks) as list_transform(
    [{
        'early': clocks - (clocks_at(region, clocks - interval 1 day) - (clocks - interval 1 day)),
        'late': clocks - (clocks_at(region, clocks + interval 1 day) - (clocks + interval 1 day))
    }],
    lambda u: case
        when u.early = u.late then u.early
        when clocks_at(region, u.early) = clocks and clocks_at(region, u.late) = clocks then null
        when clocks_at(region, u.early) = clocks then u.early
        when clocks_at(region, u.late) = clocks then u.late
    end
)[1];

-- A time as text, taken apart: what the clocks showed (NULL if it is no time), and the zone behind it.
create or replace temp macro taken_apart(t) as list_transform(
    [regexp_extract(
        t,
        '^\s*(\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[ Tt]\d{1,2}:\d{1,2}(?::\d{1,2}(?:[.,]\d+)?)?)?)\s*(.*?)\s*$',
        ['clocks', 'zone']
    )],
    lambda p: {'clocks': try_cast(replace(upper(p.clocks), ',', '.') as timestamp), 'zone': p.zone}
)[1];
create or replace temp macro utc_of_parts(t) as list_transform(
    [taken_apart(t)],
    lambda p: case
        when offset_seconds(p.zone) is not null then p.clocks - to_seconds(offset_seconds(p.zone))
        else utc_by_region(region_named(p.zone), p.clocks)
    end
)[1];

-- A time as text in UTC; NULL if it cannot be read. The first two branches are what most logs have, and fast: the cast
-- leaves an offset out.
create or replace temp macro behind_digits(t) as ltrim(substr(t, 12), '0123456789:.');
create or replace temp macro utc_time(t) as case
    when behind_digits(t) in ('', 'Z') then coalesce(try_cast(t as timestamp), utc_of_parts(t))
    when regexp_full_match(behind_digits(t), '[+-](0\d|1[0-4]):[0-5]\d')
    then coalesce(
        try_cast(t as timestamp)
        - to_minutes(
            60 * cast(substr(behind_digits(t), 1, 3) as integer)
            + cast(substr(behind_digits(t), 1, 1) || right(t, 2) as integer)
        ),
        utc_of_parts(t)
    )
    else utc_of_parts(t)
end;

-- The unit in which a number counts from 1970 to a time of our years.
create or replace temp macro epoch_unit(n) as case
    when n between 631152000 and 4102444800 then 'seconds'
    when n between 631152000e3 and 4102444800e3 then 'milliseconds'
    when n between 631152000e6 and 4102444800e6 then 'microseconds'
    when n between 631152000e9 and 4102444800e9 then 'nanoseconds'
end;

-- What is wrong with text that utc_time cannot read.
create or replace temp macro time_fault(t) as case
    when epoch_unit(try_cast(t as double)) is not null
    then 'is a number of ' || epoch_unit(try_cast(t as double)) || ' since 1970, not a UTC time'
    when taken_apart(t).clocks is null then 'is not a UTC time such as 2026-01-05 10:00:00'
    when region_named(taken_apart(t).zone) is not null then 'is a time that the clocks of its zone skip or show twice'
    else 'ends in a zone that is not known'
end;

-- What is wrong with the names and values of attributes.
create or replace temp macro names_fault(names) as case
    when len(names) > len(list_distinct(names)) then 'names a fact twice'
    when list_contains(names, '') then 'has a fact without a name'
end;
create or replace temp macro json_fault(j) as case
    when not json_valid(j) or json_type(j) <> 'OBJECT' then 'is not a map of names to values (in CSV a JSON object)'
    when (contains(j, '[') or contains(substr(ltrim(j), 2), '{'))
        and list_has_any(json_type(j, '$.*'), ['OBJECT', 'ARRAY'])
    then 'has a list or a map as the value of a fact'
    else names_fault(json_keys(j))
end;
create or replace temp macro map_fault(m) as names_fault(cast(map_keys(m) as varchar[]));
create or replace temp macro without_missing(m) as map_from_entries(
    list_filter(map_entries(m), lambda e: e.value is not null)
);
