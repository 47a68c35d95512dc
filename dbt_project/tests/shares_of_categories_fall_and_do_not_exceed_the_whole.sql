with described as (
    select
        user_id as entity_id,
        feature_at,
        user_categories as categories,
        user_category_shares as shares
    from {{ ref("user_features") }}
    where {{ in_days("ds", "feature_days") }}
    union all
    select
        query_text as entity_id,
        feature_at,
        query_categories as categories,
        query_category_shares as shares
    from {{ ref("query_features") }}
    where {{ in_days("ds", "feature_days") }}
)

select
    entity_id,
    feature_at
from described
where
    len(categories) != len(shares)
    or len(categories) > {{ setting("max_categories") }}
    or len(list_distinct(categories)) != len(categories)
    or shares != list_reverse_sort(shares)
    or shares[-1] <= 0
    or list_sum(shares) > 1 + 1e-9
