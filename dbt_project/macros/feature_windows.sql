{#-
    What the models of the folder features share. Each has the CTEs `days` (int_feature_days) and `counts` (additive
    counts of its entity by event_ds and known_ds); the click rate is that of a CTE `windowed`.
-#}

{#-
    Sums of `columns` per day and entity over the window of feature_window_days that ends with the day, from what was
    known by then. Entities stay for one day more, so that their counts fall back to 0 when the last event leaves.
-#}
{% macro windowed_sums(key, columns) -%}
    select
        days.ds,
        counts.{{ key }}
        {%- for column in columns %},
        sum(counts.{{ column }}) filter (
            where counts.event_ds > days.ds - {{ var("feature_window_days") }}
        ) as {{ column }}
        {%- endfor %}
    from days
    inner join counts
        on
            days.ds >= counts.known_ds
            and days.ds >= counts.event_ds
            and days.ds <= counts.event_ds + {{ var("feature_window_days") }}
    group by days.ds, counts.{{ key }}
{%- endmacro %}

{#- Clicks per exposure of all entities in the window of each day, 0 without exposures. -#}
{% macro mean_click_rate() -%}
    select
        ds,
        coalesce(cast(sum(num_clicks) as double) / nullif(sum(num_exposures), 0), 0) as mean_ctr
    from windowed
    group by ds
{%- endmacro %}
