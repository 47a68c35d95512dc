-- The queries that stage C would have made, next to those that were asked. What a query means is the category that
-- most of its clicks went to on earlier days.
--
-- Reads marts.query_item_stats, group_queries, held_out.
with meanings as (
    select
        query_text,
        arg_max(category_id, (num_clicks, category_id)) as category_id
    from lake.marts.query_item_stats
    where ds = $ds
    group by query_text
)

select
    group_queries.query_tier,
    held_out.asked_query,
    group_queries.query_text,
    asked.category_id = made.category_id as is_same_intent
from group_queries
inner join held_out on group_queries.sample_id = held_out.request_id
left join meanings as asked on held_out.asked_query = asked.query_text
left join meanings as made on group_queries.query_text = made.query_text
order by held_out.request_id;
