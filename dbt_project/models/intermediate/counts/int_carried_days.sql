{{ days_relation("carried_days", {"ds": "date"}) }}
