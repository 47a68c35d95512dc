{#- The policy as rows; a change of the policy file needs no change here. -#}
{%- set rules = setting("attribution_rules") or [{
    "action": "", "target": "", "target_rank": 0, "window_hours": 0, "before_request_hours": 0, "tie": "",
    "cluster_attribute": none, "label_weight": 0,
}] -%}
select
    {{ as_text("action") }} as action,
    {{ as_text("target") }} as target,
    cast(target_rank as integer) as target_rank,
    cast(window_hours as integer) as window_hours,
    cast(before_request_hours as integer) as before_request_hours,
    {{ as_text("tie") }} as tie,
    {{ as_text("cluster_attribute") }} as cluster_attribute,
    cast(label_weight as double) as label_weight
from (
    values
    {%- for rule in rules %}
        (
            '{{ rule.action }}',
            '{{ rule.target }}',
            {{ rule.target_rank }},
            {{ rule.window_hours }},
            {{ rule.before_request_hours }},
            '{{ rule.tie }}',
            {{ text_literal(rule.cluster_attribute) if rule.cluster_attribute else "null" }},
            {{ rule.label_weight }}
        ){{ "," if not loop.last }}
    {%- endfor %}
) as rules (action, target, target_rank, window_hours, before_request_hours, tie, cluster_attribute, label_weight)  -- noqa: AL05, LT05
where {{ "true" if setting("attribution_rules") else "false" }}
