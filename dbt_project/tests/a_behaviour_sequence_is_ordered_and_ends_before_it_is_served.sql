select
    user_id,
    feature_at
from {{ ref("user_sequences") }}
where
    {{ in_days("ds", "feature_days") }}
    and (
        history_acted_at != list_sort(history_acted_at)
        or history_acted_at[-1] >= epoch(feature_at)
        or history_known_until != epoch_us(feature_at)
        or len(history_items) not between 1 and {{ setting("sequence_length") }}
        or len(history_categories) != len(history_items)
        or len(history_brands) != len(history_items)
        or len(history_actions) != len(history_items)
        or len(history_domains) != len(history_items)
        or len(history_acted_at) != len(history_items)
    )
