-- One record per request, real or synthetic, lists over its items.
--
-- Reads sample_rows, known_counts.
-- Makes records.
insert into records by name
with lists as (
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
        -- Sorted once gathered, by the leading fields: an ordered aggregate keeps a sorter per request.
        list_sort(list(
            {
                'is_hidden': not is_exposed,
                'place': coalesce(position, 2147483647),
                'item_id': item_id,
                'is_exposed': is_exposed,
                'position': position,
                'provenance': provenance,
{% for label in labels %}
                '{{ label }}': {{ label }},
{% endfor %}
                'purchase_value': purchase_value,
                'inclusion_probability': inclusion_probability,
                'label_weight': label_weight,
                'action_id': action_id,
                -- A synthetic row has one label.
                'is_natively_clicked': coalesce(is_natively_clicked, is_clicked),
                'is_natively_purchased': coalesce(is_natively_purchased, is_purchased),
                'native_purchase_value': coalesce(native_purchase_value, purchase_value),
                'native_label_weight': coalesce(native_label_weight, label_weight)
            }
        )) as items
    from sample_rows
    group by all
)

select
    lists.* exclude (items),
    $ds as ds,
    coalesce(known_counts.num_known, 0) as sequence_length,
    list_transform(items, lambda x: x.item_id) as item_ids,
    list_transform(items, lambda x: x.is_exposed) as is_exposed,
    list_transform(items, lambda x: x.position) as position,
    list_transform(items, lambda x: x.provenance) as provenance,
{% for label in labels %}
    list_transform(items, lambda x: x.{{ label }}) as {{ label }},
{% endfor %}
    list_transform(items, lambda x: x.purchase_value) as purchase_value,
    list_transform(items, lambda x: x.inclusion_probability) as inclusion_probability,
    list_transform(items, lambda x: x.label_weight) as label_weight,
    list_transform(items, lambda x: x.action_id) as action_ids,
    list_transform(items, lambda x: x.is_natively_clicked) as is_natively_clicked,
    list_transform(items, lambda x: x.is_natively_purchased) as is_natively_purchased,
    list_transform(items, lambda x: x.native_purchase_value) as native_purchase_value,
    list_transform(items, lambda x: x.native_label_weight) as native_label_weight,
    $policy_version as policy_version,
    $label_as_of as label_as_of,
    $is_final as is_final
from lists
-- Known before the request, not at its very moment.
asof left join known_counts
    on lists.user_id = known_counts.user_id and lists.requested_at > known_counts.known_at
order by lists.requested_at, lists.sample_id;
