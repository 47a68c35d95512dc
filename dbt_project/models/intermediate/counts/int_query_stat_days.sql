{{ days_relation("query_stat_days", {"ds": "date"}) }}
