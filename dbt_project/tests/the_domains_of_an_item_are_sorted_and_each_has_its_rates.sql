select
    item_id,
    feature_at
from {{ ref("item_features") }}
where
    {{ in_days("ds", "feature_days") }}
    and (
        item_domains != list_sort(list_distinct(item_domains))
        or len(item_domain_ctrs) != len(item_domains)
        or len(item_domain_cvrs) != len(item_domains)
        or (item_num_exposures > 0) != list_contains(item_domains, '{{ setting("target_domain") }}')
        or (item_price_changed_at is null) != (item_previous_price is null)
        or item_previous_price = price
    )
