-- Categories of the items by the time from which they were known; of versions known from the same time, the newest.
create or replace temp table dated_categories as
select
    item_id,
    greatest(valid_from, recorded_at) as known_from,
    coalesce(arg_max(category_id, (valid_from, recorded_at)), '') as category_id
from lake.raw.items
where ds <= $last_ds
group by all;
