-- Outside clicks of the day that are in no synthetic request, by the first reason that holds.
with kept as (
    select
        request_id,
        item_id
    from synthetic_rows
    where is_clicked
)

select
    case
        when not clicks.is_positive then 'used_by_attribution'
        when clicks.category_id is null then 'no_category'
        when group_queries.sample_id is null then 'no_query'
        else 'no_negative'
    end as reason,
    count(*) as num_clicks
from outside_rows as clicks
anti join kept on clicks.request_id = kept.request_id and clicks.item_id = kept.item_id
left join outside_groups
    on clicks.request_id = outside_groups.request_id and clicks.category_id = outside_groups.category_id
left join group_queries on outside_groups.sample_id = group_queries.sample_id
where clicks.is_clicked
group by reason
order by reason
