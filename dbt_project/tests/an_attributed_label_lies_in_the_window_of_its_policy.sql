select attributions.action_id
from {{ ref("fct_attributions") }} as attributions
left join {{ ref("int_attribution_rules") }} as rules
    on
        attributions.action = rules.action
        and attributions.target = rules.target
        and attributions.label_weight = rules.label_weight
        and attributions.delay_hours between -rules.before_request_hours and rules.window_hours
where {{ in_days("attributions.ds", "request_days") }} and rules.action is null
