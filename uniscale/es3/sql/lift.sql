-- How much more often the items of a search's list are acted on elsewhere after the search than before it, by action,
-- channel, gap and whether the list showed them. Each action is held against the nearest list of its user with its item
-- on either side. A gap is measured on lists that have as much of the log before them as known after them.
insert into lifts by name
with acts as (
    select
        user_id,
        item_id,
        action,
        domain,
        acted_at
    from lake.marts.outside_actions
    where ds between $first_action_ds and $last_action_ds
),

lists as (
    select
        user_id,
        item_id,
        requested_at,
        is_exposed
    from lake.marts.fct_exposures
    where ds between $first_ds and $last_ds and domain = $target_domain
),

pairs as (
    select
        acts.*,
        lists.is_exposed,
        lists.requested_at,
        date_diff('microsecond', lists.requested_at, acts.acted_at) / 3.6e9 as gap_hours,
        true as is_after
    from acts
    asof inner join lists
        on
            acts.user_id = lists.user_id
            and acts.item_id = lists.item_id
            and acts.acted_at >= lists.requested_at
    union all by name
    select
        acts.*,
        lists.is_exposed,
        lists.requested_at,
        date_diff('microsecond', acts.acted_at, lists.requested_at) / 3.6e9 as gap_hours,
        false as is_after
    from acts
    asof inner join lists
        on
            acts.user_id = lists.user_id
            and acts.item_id = lists.item_id
            and acts.acted_at < lists.requested_at
),

gaps as (
    select
        unnest($from_hours) as from_hours,
        unnest($to_hours) as to_hours
),

counted as (
    select
        pairs.action,
        pairs.domain,
        pairs.is_exposed,
        gaps.from_hours,
        gaps.to_hours,
        count_if(pairs.is_after) as num_after,
        count_if(not pairs.is_after) as num_before
    from pairs
    inner join gaps on pairs.gap_hours >= gaps.from_hours and pairs.gap_hours < gaps.to_hours
    where
        pairs.requested_at >= $first_action_ds::timestamp + gaps.to_hours * interval 1 hour
        and pairs.requested_at <= $known_until::timestamp - gaps.to_hours * interval 1 hour
    group by all
),

overall as (
    select
        action,
        greatest(0, sum(num_after) - sum(num_before)) / sum(num_after) as share
    from counted
    group by action
    having sum(num_after) > 0
)

select
    counted.*,
    round(
        (greatest(0, counted.num_after - counted.num_before) + $prior_actions * overall.share)
        / (counted.num_after + $prior_actions),
        3
    ) as share
from counted
inner join overall on counted.action = overall.action
where counted.num_after > 0;
