-- What was known of the items, from when on, read once for all days of a run.
--
-- Reads marts.item_versions.
-- Makes item_versions.
create or replace temp table item_versions as
select
    item_id,
    known_from,
    category_id,
    title,
    distinct_words(title) as title_words
from lake.marts.item_versions
where ds <= $last_ds;
