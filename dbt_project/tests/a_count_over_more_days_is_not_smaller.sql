select
    'user' as entity,
    user_id as entity_id,
    feature_at
from {{ ref("user_features") }}
where
    {{ in_days("ds", "feature_days") }}
    and not (
        user_num_requests_1d <= user_num_requests_7d
        and user_num_requests_7d <= user_num_requests_30d
        and user_num_clicks_1d <= user_num_clicks_7d
        and user_num_clicks_7d <= user_num_clicks_30d
        and user_num_purchases_1d <= user_num_purchases_7d
        and user_num_purchases_7d <= user_num_purchases_30d
    )
union all
select
    'query' as entity,
    query_text as entity_id,
    feature_at
from {{ ref("query_features") }}
where
    {{ in_days("ds", "feature_days") }}
    and not (
        query_num_requests_1d <= query_num_requests_7d
        and query_num_requests_7d <= query_num_requests_30d
    )
