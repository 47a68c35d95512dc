{{ days_relation("request_days", {"ds": "date", "label_as_of": "timestamp", "is_final": "boolean"}) }}
