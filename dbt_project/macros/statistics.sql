{#- Lower Wilson bound of a share: what the share is at least, with the confidence of the variable confidence_z. -#}
{% macro wilson_lower(successes, trials) -%}
    {%- set z = var("confidence_z") -%}
    greatest(
        0,
        (
            {{ successes }} / {{ trials }} + {{ z * z / 2 }} / {{ trials }}
            - {{ z }} * sqrt(
                ({{ successes }} / {{ trials }}) * (1 - {{ successes }} / {{ trials }}) / {{ trials }}
                + {{ z * z / 4 }} / ({{ trials }} * {{ trials }})
            )
        ) / (1 + {{ z * z }} / {{ trials }})
    )
{%- endmacro %}

{#- Successes per trial, drawn towards the mean rate by as many trials as the variable `prior` says. -#}
{% macro smoothed_rate(successes, trials, mean_rate, prior) -%}
    ({{ successes }} + {{ var(prior) }} * {{ mean_rate }}) / ({{ trials }} + {{ var(prior) }})
{%- endmacro %}
