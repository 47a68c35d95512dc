-- Stage C, tier 3. What the nearest query is looked for with: the titles of all items of the category in the request,
-- clicked or not, where there are at least two; one title alone would be the clicked one.
--
-- Reads outside_groups, group_queries, outside_rows.
-- Makes probes.
create or replace temp table probes as
select
    outside_groups.sample_id,
    list(distinct items.title) as titles
from outside_groups
anti join group_queries on outside_groups.sample_id = group_queries.sample_id
inner join outside_rows as items
    on outside_groups.request_id = items.request_id and outside_groups.category_id = items.category_id
where items.title is not null
group by outside_groups.sample_id
having count(*) >= 2;
