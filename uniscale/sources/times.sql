-- Text as UTC times: one definition for files of events, logs of searches and entity rows. Every row is read by itself:
-- the engine's own conversion of text to a time with a zone keeps the zone that one row names for the rows after it.

-- Zones whose names mean one thing: the regions of the time zone database, and the few letters that have one meaning.
set variable regions = (
    select list(name order by name) from pg_timezone_names()
    where (contains(name, '/') and not starts_with(name, 'SystemV'))
        or name in ('EST', 'MST', 'HST', 'WET', 'CET', 'MET', 'EET')
);
set variable regions_upper = list_transform(getvariable('regions'), lambda name: upper(name));

-- Seconds that a zone written as an offset is ahead of UTC; NULL if it is no offset. What a region in brackets adds to
-- an offset is left out. Some offsets of the past have seconds.
create or replace temp macro offset_seconds(zone) as case
    when upper(zone) in ('', 'Z', 'UTC', 'GMT', 'UT') or starts_with(upper(zone), 'Z[') then 0
    when regexp_matches(upper(zone), '^(UTC|GMT)?[+-](\d(:[0-5]\d)?|(0\d|1[0-4])(:?[0-5]\d(:?[0-5]\d)?)?)(\[.*\])?$')
    then list_transform(
        [regexp_extract(zone, '([+-])(\d\d?):?(\d\d)?:?(\d\d)?', ['sign', 'hours', 'minutes', 'seconds'])],
        lambda o: if(o.sign = '-', -1, 1) * (
            3600 * cast(o.hours as integer)
            + 60 * coalesce(try_cast(o.minutes as integer), 0)
            + coalesce(try_cast(o.seconds as integer), 0)
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
create or replace temp macro utc_of_parts(t, zone_names) as list_transform(
    [taken_apart(t)],
    lambda p: case
        when offset_seconds(p.zone) is not null then p.clocks - to_seconds(offset_seconds(p.zone))
        when zone_names then utc_by_region(region_named(p.zone), p.clocks)
    end
)[1];

-- A time as text in UTC; NULL if it cannot be read. Where it is not said otherwise, a zone may be a region's name, and a
-- number is no time; epoch_numbers lets whole numbers be milliseconds since 1970. The two branches that follow are what
-- most logs have, and fast: the cast leaves an offset out.
create or replace temp macro behind_digits(t) as ltrim(substr(t, 12), '0123456789:.');
create or replace temp macro utc_time(t, zone_names := true, epoch_numbers := false) as case
    when epoch_numbers and regexp_full_match(t, '[0-9]{1,15}(\.0*)?')
    then epoch_ms(try_cast(string_split(t, '.')[1] as bigint))
    when behind_digits(t) in ('', 'Z', '+0000')
    then coalesce(try_cast(t as timestamp), utc_of_parts(t, zone_names))
    when regexp_full_match(behind_digits(t), '[+-](0\d|1[0-4])(:?[0-5]\d)?')
    then coalesce(
        try_cast(t as timestamp)
        - to_minutes(
            60 * cast(substr(behind_digits(t), 1, 3) as integer)
            + coalesce(
                try_cast(substr(behind_digits(t), 1, 1) || ltrim(substr(behind_digits(t), 4), ':') as integer), 0
            )
        ),
        utc_of_parts(t, zone_names)
    )
    else utc_of_parts(t, zone_names)
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
