select
    ds,
    query_text,
    category_id
from {{ ref("query_item_stats") }}
where
    {{ in_days("ds", "query_stat_days") }}
    and (
        num_clicks < 1
        or num_clicks > num_query_clicks
        or num_clicks > num_category_clicks
        or confidence not between 0 and num_clicks / num_query_clicks
    )
