-- The items as known when the day began.
create or replace temp table known_items as
select * exclude (recorded_at)
from item_versions
where recorded_at < $ds::timestamp;
