-- Text as maps.

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
