select
    user_id,
    feature_at
from {{ ref("user_sequences") }}
where
    {{ in_days("ds", "feature_days") }}
    and (
        list_max(history_acted_at) >= epoch(feature_at)
        or history_known_until != epoch_us(feature_at)
        or len(history_items) not between 1 and {{ setting("sequence_length") }}
        or len(history_categories) != len(history_items)
        or len(history_brands) != len(history_items)
        or len(history_actions) != len(history_items)
        or len(history_domains) != len(history_items)
        or len(history_acted_at) != len(history_items)
    )
