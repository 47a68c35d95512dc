-- The confidence is a lower bound of the share, drawn to the category's share of all clicks of the day.
with stats as (
    select
        *,
        num_category_clicks / sum(num_clicks) over (partition by ds) as category_share
    from {{ ref("query_item_stats") }}
    where {{ in_days("ds", "query_stat_days") }}
)

select
    ds,
    query_text,
    category_id
from stats
where
    num_clicks < 1
    or num_clicks > num_query_clicks
    or num_clicks > num_category_clicks
    or confidence < 0
    or confidence > (num_clicks + {{ setting("query_prior_clicks") }} * category_share)
    / (num_query_clicks + {{ setting("query_prior_clicks") }})
