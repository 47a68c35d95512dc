{#- What was known of a user, from when on; as marts/item_versions. -#}
with users as (
    select
        *,
        greatest(valid_from, recorded_at) as known_from
    from {{ ref("stg_events__users") }}
),

ordered as (
    select
        *,
        max(valid_from) over (
            partition by user_id order by known_from, valid_from, recorded_at rows unbounded preceding
        ) as newest_valid_from,
        row_number() over (
            partition by user_id, known_from order by valid_from desc, recorded_at desc
        ) as place_among_equals
    from users
)

select
    user_id,
    attributes,
    known_from
from ordered
where valid_from = newest_valid_from and place_among_equals = 1
