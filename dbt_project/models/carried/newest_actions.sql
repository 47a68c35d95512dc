{#-
    Knowledge only grows, so an action that was not among the newest ones of its user when an earlier day ended is not
    among them later.
-#}
with days as (
    select * from {{ ref("int_carried_days") }}
),

logged as (
    select
        user_id,
        action_id,
        item_id,
        action,
        domain,
        acted_at,
        known_at
    from {{ this }}
    where {{ in_base() }}
    union all
    select
        user_id,
        action_id,
        item_id,
        action,
        domain,
        acted_at,
        {{ counted_from() }} as known_at
    from {{ ref("stg_events__actions") }}
    where {{ to_carry(counted_day()) }}
),

gathered as (
    select
        days.ds,
        logged.user_id,
        {{ newest_actions("logged") }} as newest_first
    from days
    cross join logged
    group by days.ds, logged.user_id
),

acts as (
    select
        ds,
        user_id,
        {{ exploded("newest_first", "act", "place") }}
    from gathered
)

select
    acts.ds,
    acts.user_id,
    acts.act.action_id,
    acts.act.item_id,
    acts.act.action,
    acts.act.domain,
    acts.act.acted_at,
    acts.act.known_at
from acts
