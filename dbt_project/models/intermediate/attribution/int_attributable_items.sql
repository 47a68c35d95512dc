{#-
    The items whose rows may take the label of an outside action: its own, and with `match: cluster` those that were
    known to be of the same cluster when the action was recorded.
-#}
with outside_actions as (
    select * from {{ ref("outside_actions") }}
    where {{ near_requests("ds") }}
),

clusters as (
    select * from {{ ref("int_item_clusters") }}
),

siblings as (
    select
        outside_actions.*,
        members.item_id as sibling_id
    from outside_actions
    inner join clusters as own
        on
            outside_actions.action = own.action
            and outside_actions.item_id = own.item_id
            and outside_actions.recorded_at >= own.known_from
            and (outside_actions.recorded_at < own.known_until or own.known_until is null)
    inner join clusters as members
        on
            own.action = members.action
            and own.cluster_id = members.cluster_id
            and own.item_id != members.item_id
            and outside_actions.recorded_at >= members.known_from
            and (outside_actions.recorded_at < members.known_until or members.known_until is null)
)

select
    action_id,
    user_id,
    item_id as acted_item_id,
    item_id,
    domain as action_domain,
    action,
    action_value,
    acted_at,
    recorded_at
from outside_actions
union all
select
    action_id,
    user_id,
    item_id as acted_item_id,
    sibling_id as item_id,
    domain as action_domain,
    action,
    action_value,
    acted_at,
    recorded_at
from siblings
