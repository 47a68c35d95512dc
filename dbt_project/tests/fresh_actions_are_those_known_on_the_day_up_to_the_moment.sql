select
    user_id,
    feature_at
from {{ ref("user_fresh_actions") }}
where
    {{ in_days("ds", "fresh_days") }}
    and (
        cast(feature_at as date) != ds
        or recorded_at != feature_at
        or fresh_known_at != list_sort(fresh_known_at)
        or fresh_known_at[-1] != epoch_us(feature_at)
        or fresh_known_at[1] < epoch_us(cast(ds as timestamp))
        or list_max(fresh_acted_at) > epoch(feature_at)
        or len(list_distinct(fresh_action_ids)) != len(fresh_action_ids)
        or len(fresh_known_at) not between 1 and {{ setting("max_fresh_actions") }}
        or len(fresh_action_ids) != len(fresh_known_at)
        or len(fresh_items) != len(fresh_known_at)
        or len(fresh_categories) != len(fresh_known_at)
        or len(fresh_brands) != len(fresh_known_at)
        or len(fresh_actions) != len(fresh_known_at)
        or len(fresh_domains) != len(fresh_known_at)
        or len(fresh_acted_at) != len(fresh_known_at)
    )
