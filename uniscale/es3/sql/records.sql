-- One record per request, real or synthetic, lists over its items. Reads labelled_rows and synthetic_rows.
with rows as (
    select
        sample_id,
        request_id,
        user_id,
        domain,
        requested_at,
        query_text,
        0 as query_tier,
        0 as query_support,
        1.0 as query_confidence,
        item_id,
        is_exposed,
        position,
        provenance,
        is_clicked,
        is_purchased,
        purchase_value,
        inclusion_probability,
        label_weight,
        action_id
    from labelled_rows
    union all by name
    select
        * exclude (category_id),
        'synthetic' as provenance,
        1.0 as inclusion_probability,
        $synthetic_weight::float as label_weight
    from synthetic_rows
),

lists as (
    select
        sample_id,
        request_id,
        user_id,
        domain,
        requested_at,
        query_text,
        query_tier,
        query_support,
        query_confidence,
        list(
            {
                'item_id': item_id,
                'is_exposed': is_exposed,
                'provenance': provenance,
                'is_clicked': is_clicked,
                'is_purchased': is_purchased,
                'purchase_value': purchase_value,
                'inclusion_probability': inclusion_probability,
                'label_weight': label_weight,
                'action_id': action_id
            }
            order by is_exposed desc, position nulls last, item_id
        ) as items
    from rows
    group by all
)

select
    $ds as ds,
    sample_id,
    request_id,
    user_id,
    domain,
    requested_at,
    query_text,
    query_tier::integer as query_tier,
    query_support::bigint as query_support,
    query_confidence::double as query_confidence,
    list_transform(items, lambda x: x.item_id) as item_ids,
    list_transform(items, lambda x: x.is_exposed) as is_exposed,
    list_transform(items, lambda x: x.provenance) as provenance,
    list_transform(items, lambda x: x.is_clicked) as is_clicked,
    list_transform(items, lambda x: x.is_purchased) as is_purchased,
    list_transform(items, lambda x: x.purchase_value::double) as purchase_value,
    list_transform(items, lambda x: x.inclusion_probability::double) as inclusion_probability,
    list_transform(items, lambda x: x.label_weight) as label_weight,
    list_transform(items, lambda x: x.action_id) as action_ids,
    $policy_version as policy_version,
    $label_as_of as label_as_of,
    $is_final as is_final
from lists
order by requested_at, sample_id
