{#- As int_query_daily_counts, by the category of the clicked item as known when the click was. -#}
with clicks as (
    select * from {{ ref("int_recent_clicks") }}
    where domain = '{{ setting("target_domain") }}' and normalised_query is not null
),

versions as (
    select * from {{ ref("item_versions") }}
)

select
    clicks.normalised_query as query_text,
    versions.category_id,
    clicks.event_ds,
    clicks.clicked_known_ds as known_ds,
    count(*) as num_clicks
from clicks
{{ asof_join("inner", "versions", "item_id", "clicks.item_id", "known_from", "<=", "clicks.clicked_recorded_at") }}
where versions.category_id is not null
group by clicks.normalised_query, versions.category_id, clicks.event_ds, clicks.clicked_known_ds
