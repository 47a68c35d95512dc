{#- The policy as rows; a change of the policy file needs no change here. -#}
{%- set rules = var("attribution_rules") or [
    {"action": "", "window_hours": 0, "label_weight": 0, "target": "", "target_rank": 0}
] -%}
select
    cast(action as varchar) as action,
    cast(target as varchar) as target,
    cast(target_rank as integer) as target_rank,
    cast(window_hours as integer) as window_hours,
    cast(label_weight as double) as label_weight
from (
    values
    {%- for rule in rules %}
        (
            '{{ rule.action }}',
            '{{ rule.target }}',
            {{ rule.target_rank }},
            {{ rule.window_hours }},
            {{ rule.label_weight }}
        ){{ "," if not loop.last }}
    {%- endfor %}
) as rules (action, target, target_rank, window_hours, label_weight)  -- noqa: AL05, the alias carries the names
where {{ "true" if var("attribution_rules") else "false" }}
