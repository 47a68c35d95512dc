{#- Successes per trial, drawn towards the mean rate by as many trials as the variable `prior` says. -#}
{% macro smoothed_rate(successes, trials, mean_rate, prior) -%}
    ({{ successes }} + {{ var(prior) }} * {{ mean_rate }}) / ({{ trials }} + {{ var(prior) }})
{%- endmacro %}
