{#- What was known of a user, from when on; as marts/item_versions. -#}
with users as (
    select
        *,
        {{ known_from() }} as known_from
    from {{ ref("stg_events__users") }}
),

ordered as (
    select
        *,
        {{ so_far("max", "user_id") }} as newest_valid_from,
        {{ place_among_equals("user_id") }} as place_among_equals
    from users
)

select
    user_id,
    attributes,
    known_from
from ordered
where {{ is_known_version() }}
