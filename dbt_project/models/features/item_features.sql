with days as (
    select * from {{ ref("int_feature_days") }}
),

domain_counts as (
    select * from {{ ref("item_domain_counts") }}
    where {{ in_feature_windows("ds") }}
),

counts as (
    select * from {{ ref("int_item_daily_counts") }}
),

versions as (
    select * from {{ ref("item_versions") }}
),

price_changes as (
    select * from {{ ref("int_item_price_changes") }}
),

seen as (
    select * from {{ ref("int_items_seen") }}
),

windowed as (
    {{ windowed_sums(
        ["item_id"], ["num_purchases", "num_outside_clicks", "num_price_changes"], newest=["last_acted_at"]
    ) }}
),

domain_windowed as (
    {{ windowed_sums(
        ["item_id", "domain"], ["num_exposures", "num_clicks", "num_purchases"], counts="domain_counts"
    ) }}
),

domain_means as (
    {{ mean_rates("domain_windowed", ["ds", "domain"]) }}
),

domain_rates as (
    select
        domain_windowed.*,
        {{ smoothed_rate(
            "domain_windowed.num_clicks", "domain_windowed.num_exposures", "domain_means.mean_ctr", "ctr_prior_exposures"
        ) }} as ctr,
        {{ smoothed_rate(
            "domain_windowed.num_purchases", "domain_windowed.num_clicks", "domain_means.mean_cvr", "cvr_prior_clicks"
        ) }} as cvr
    from domain_windowed
    inner join domain_means
        on domain_windowed.ds = domain_means.ds and domain_windowed.domain = domain_means.domain
),

exposed as (
    select
        ds,
        item_id,
        {{ ascending_list(struct_of({"domain": "domain", "ctr": "ctr", "cvr": "cvr"})) }} as domains
    from domain_rates
    where num_exposures > 0
    group by ds, item_id
),

entities as (
    select
        ds,
        item_id
    from windowed
    union
    select
        ds,
        item_id
    from domain_windowed
    union
    select
        days.ds,
        versions.item_id
    from days
    inner join versions
        on days.ds = cast(versions.known_from as date) or (days.is_first and days.feature_at > versions.known_from)
    union
    select
        days.ds,
        seen.item_id
    from days
    inner join seen on days.is_first and days.ds >= seen.first_known_ds
),

dated as (
    select
        entities.*,
        days.feature_at
    from entities
    inner join days on entities.ds = days.ds
),

described as (
    select
        dated.*,
        versions.title,
        versions.category_id,
        versions.brand_id,
        versions.shop_id,
        versions.price,
        versions.attributes,
        versions.first_valid_from
    from dated
    {{ asof_join("left", "versions", "item_id", "dated.item_id", "known_from", "<", "dated.feature_at") }}
),

priced as (
    select
        described.*,
        price_changes.previous_price,
        price_changes.changed_at
    from described
    {{ asof_join("left", "price_changes", "item_id", "described.item_id", "known_from", "<", "described.feature_at") }}
)

select
    priced.item_id,
    priced.ds,
    priced.feature_at,
    priced.feature_at as recorded_at,
    priced.title,
    priced.category_id,
    priced.brand_id,
    priced.shop_id,
    priced.price,
    {{ sorted_facts("priced.attributes") }} as item_attributes,
    {{ epoch_seconds(
        "coalesce(priced.first_valid_from, cast(seen.first_known_ds as timestamp))"
    ) }} as item_listed_at,
    cast(coalesce(target_rates.num_exposures, 0) as bigint) as item_num_exposures,
    cast(coalesce(target_rates.num_clicks, 0) as bigint) as item_num_clicks,
    cast(coalesce(windowed.num_purchases, 0) as bigint) as item_num_purchases,
    cast(coalesce(windowed.num_outside_clicks, 0) as bigint) as item_num_outside_clicks,
    coalesce(target_rates.ctr, target_means.mean_ctr, 0) as item_ctr,
    coalesce(target_rates.cvr, target_means.mean_cvr, 0) as item_cvr,
    {{ plucked("exposed.domains", "domain") }} as item_domains,
    {{ plucked("exposed.domains", "ctr") }} as item_domain_ctrs,
    {{ plucked("exposed.domains", "cvr") }} as item_domain_cvrs,
    {{ epoch_seconds("windowed.last_acted_at") }} as item_last_acted_at,
    priced.previous_price as item_previous_price,
    {{ epoch_seconds("priced.changed_at") }} as item_price_changed_at,
    cast(coalesce(windowed.num_price_changes, 0) as bigint) as item_num_price_changes
from priced
left join windowed on priced.ds = windowed.ds and priced.item_id = windowed.item_id
left join domain_rates as target_rates
    on
        priced.ds = target_rates.ds
        and priced.item_id = target_rates.item_id
        and target_rates.domain = '{{ setting("target_domain") }}'
left join domain_means as target_means
    on priced.ds = target_means.ds and target_means.domain = '{{ setting("target_domain") }}'
left join exposed on priced.ds = exposed.ds and priced.item_id = exposed.item_id
left join seen on priced.item_id = seen.item_id
