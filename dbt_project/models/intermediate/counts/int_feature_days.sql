{{ days_relation("feature_days", {"ds": "date", "feature_at": "timestamp", "is_first": "boolean"}) }}
