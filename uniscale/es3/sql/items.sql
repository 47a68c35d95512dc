-- Versions of the items, read once for all days of a run.
create or replace temp table item_versions as
select
    item_id,
    valid_from,
    recorded_at,
    category_id,
    title,
    distinct_words(title) as title_words
from lake.marts.item_versions
where ds <= $last_ds;
