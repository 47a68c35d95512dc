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

{#- Clicks per exposure, drawn towards the mean rate by ctr_prior_exposures exposures. -#}
{% macro smoothed_rate(clicks, exposures, mean_rate) -%}
    ({{ clicks }} + {{ var("ctr_prior_exposures") }} * {{ mean_rate }}) / ({{ exposures }} + {{ var("ctr_prior_exposures") }})
{%- endmacro %}
