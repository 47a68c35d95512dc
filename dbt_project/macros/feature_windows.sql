{#-
    What the models of the folders daily and features share. A feature table has the CTE `days` (int_feature_days) and
    relations of additive counts by event_ds and ds, the day they became known.
-#}

{#- Days that the longest feature window looks back. -#}
{% macro longest_window() -%}
    {{ setting("feature_windows") | max }}
{%- endmacro %}

{#-
    Condition on a partition of daily counts that holds what the longest window of every feature day reaches, and of the
    day before it. Counts lie on the day they became known, so without honour_knowledge_time any later day may hold one.
-#}
{% macro in_feature_windows(column) -%}
    {{ near_days(column, "feature_days", before=longest_window(), after=0 if setting("honour_knowledge_time") else none) }}
{%- endmacro %}

{#- Whether a row of int_counted_clicks is counted on the day that `known_ds` names: one to count, in a window of its event. -#}
{% macro counts_on(known_ds) -%}
    {{ in_days(known_ds, "count_days") }} and event_ds >= {{ known_ds }} - {{ longest_window() }}
{%- endmacro %}

{#- The time from which on an action counts: when it was recorded; for the measurement of a leak, when it was done. -#}
{% macro counted_from() -%}
    {{ "recorded_at" if setting("honour_knowledge_time") else "acted_at" }}
{%- endmacro %}

{#- The day of that time; the partition of an action, where knowledge counts. -#}
{% macro counted_day() -%}
    {{ "ds" if setting("honour_knowledge_time") else "cast(acted_at as date)" }}
{%- endmacro %}

{#-
    Per day and entity, from what was known by then: sums of `columns` over the longest window that ends with the day,
    sums of `by_window` over every window as COLUMN_DAYSd, and the largest values of `newest` in the longest window.
    Entities stay for one day more, so that their counts fall back to 0 when the last event leaves.
-#}
{% macro windowed_sums(keys, columns, by_window=[], newest=[], counts="counts") -%}
    select
        days.ds
        {%- for key in keys %},
        {{ counts }}.{{ key }}
        {%- endfor %}
        {%- for column in columns %},
        coalesce(sum({{ counts }}.{{ column }}) filter (
            where {{ counts }}.event_ds > days.ds - {{ longest_window() }}
        ), 0) as {{ column }}
        {%- endfor %}
        {%- for column in by_window %}
        {%- for window in setting("feature_windows") %},
        coalesce(sum({{ counts }}.{{ column }}) filter (
            where {{ counts }}.event_ds > days.ds - {{ window }}
        ), 0) as {{ column }}_{{ window }}d
        {%- endfor %}
        {%- endfor %}
        {%- for column in newest %},
        max({{ counts }}.{{ column }}) filter (
            where {{ counts }}.event_ds > days.ds - {{ longest_window() }}
        ) as {{ column }}
        {%- endfor %}
    from days
    inner join {{ counts }}
        on
            {%- if setting("honour_knowledge_time") %}
            days.ds >= {{ counts }}.ds
            and
            {%- endif %} days.ds >= {{ counts }}.event_ds
            and days.ds <= {{ counts }}.event_ds + {{ longest_window() }}
    group by days.ds{% for key in keys %}, {{ counts }}.{{ key }}{% endfor %}
{%- endmacro %}

{#- Of a relation with ds, `key`, category_id and share: the largest shares of each, ties by name, as `largest`. -#}
{% macro largest_shares(relation, key) -%}
    select
        ds,
        {{ key }},
        {{ first_values(
            ascending_list(struct_of({"place": "-share", "category_id": "category_id", "share": "share"})),
            setting("max_categories"),
        ) }} as largest
    from {{ relation }}
    group by ds, {{ key }}
{%- endmacro %}

{#- Mean clicks per exposure and purchases per click of a relation of windowed sums, by `keys`; 0 without any. -#}
{% macro mean_rates(relation, keys) -%}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        coalesce(cast(sum(num_clicks) as double) / nullif(sum(num_exposures), 0), 0) as mean_ctr,
        coalesce(cast(sum(num_purchases) as double) / nullif(sum(num_clicks), 0), 0) as mean_cvr
    from {{ relation }}
    group by {{ keys | join(", ") }}
{%- endmacro %}

{#- Aggregate: the newest actions of a relation, as many as a behaviour sequence keeps, newest first. -#}
{% macro newest_actions(actions) -%}
    {%- set fields = {} -%}
    {%- for name in ["action_id", "item_id", "action", "domain", "acted_at", "known_at"] -%}
        {%- do fields.update({name: actions ~ "." ~ name}) -%}
    {%- endfor -%}
    {{ top_values(
        struct_of(fields),
        struct_of({
            "known_at": actions ~ ".known_at",
            "acted_second": epoch_seconds(actions ~ ".acted_at"),
            "action_id": actions ~ ".action_id",
        }),
        setting("sequence_length"),
    ) }}
{%- endmacro %}
