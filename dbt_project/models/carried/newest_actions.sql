{#-
    Knowledge only grows, so an action that was not among the newest ones of its user when an earlier day ended is not
    among them later.
-#}
with days as (
    select * from {{ ref("int_carried_days") }}
),

logged as (
    {{ known_actions(this, in_base(), to_carry(counted_day())) }}
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
