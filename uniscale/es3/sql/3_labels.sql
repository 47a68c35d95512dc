-- Stage B. Labels of the drawn rows: what happened in the request itself, else what attribution says. A row is
-- attributed only if the outside action adds a label that the request did not give.
--
-- Reads drawn_rows.
-- Makes sample_rows.

create or replace temp table sample_rows as
with judged as (
    select
        *,
        has_outside_click and not is_clicked as adds_click,
        has_outside_purchase and not is_purchased as adds_purchase
    from drawn_rows
),

traced as (
    select
        *,
        -- A purchase says more than a click.
        case when adds_purchase then outside_purchase when adds_click then outside_click end as added_by,
        -- A label of a young day stands for those still to come.
        case when adds_purchase then $purchase_growth when adds_click then $click_growth else 1 end as growth
    from judged
),

without_attribution as (
    select
        *,
        case when is_exposed or {{ labels | join(" or ") }} then 'native' else 'unexposed' end as native_provenance
    from traced
),

named as (
    select
        *,
        case
            when added_by is null then native_provenance
            when is_exposed then 'attributed_exposed'
            else 'attributed_unexposed'
        end as provenance
    from without_attribution
),

weights as (
    select
        unnest($provenances) as provenance,
        unnest($weights) as weight
)

select
    request_id as sample_id,
    request_id,
    user_id,
    domain,
    requested_at,
    query_text,
    0::integer as query_tier,
    0::bigint as query_support,
    1.0::double as query_confidence,
    item_id,
    is_exposed,
    position,
    named.provenance,
    is_clicked or adds_click or is_purchased or adds_purchase as is_clicked,
    -- What other channels say of these is no label.
{% for label in native_only %}
    {{ label }},
{% endfor %}
    is_purchased or adds_purchase as is_purchased,
    -- What the user bought of the item here and elsewhere.
    purchase_value + coalesce(outside_value, 0) as purchase_value,
    inclusion_probability,
    cast(weights.weight * coalesce(added_by.weight, 1) * growth as float) as label_weight,
    added_by.id as action_id,
    is_clicked as is_natively_clicked,
    is_purchased as is_natively_purchased,
    purchase_value as native_purchase_value,
    cast(native_weights.weight as float) as native_label_weight
from named
inner join weights on named.provenance = weights.provenance
inner join weights as native_weights on named.native_provenance = native_weights.provenance;
