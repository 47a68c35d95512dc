-- The row must be in the candidate list of a target-domain request, on the request's day.
select attributions.action_id
from {{ ref("fct_attributions") }} as attributions
left join {{ ref("fct_exposures") }} as exposures
    on
        attributions.ds = exposures.ds
        and attributions.request_id = exposures.request_id
        and attributions.item_id = exposures.item_id
        and attributions.user_id = exposures.user_id
        and exposures.domain = '{{ setting("target_domain") }}'
where {{ in_days("attributions.ds", "request_days") }} and exposures.request_id is null
