{#- Which product cluster an item belonged to, and from when until when that was what was known. -#}
with versions as (
    select * from {{ ref("item_versions") }}
),

rules as (
    select distinct
        action,
        cluster_attribute
    from {{ ref("int_attribution_rules") }}
    where cluster_attribute is not null
),

periods as (
    select
        rules.action,
        versions.item_id,
        {{ fact("versions.attributes", "rules.cluster_attribute") }} as cluster_id,
        versions.known_from,
        lead(versions.known_from) over (
            partition by rules.action, versions.item_id order by versions.known_from
        ) as known_until
    from rules
    cross join versions
)

select
    action,
    item_id,
    cluster_id,
    known_from,
    known_until
from periods
where cluster_id is not null
