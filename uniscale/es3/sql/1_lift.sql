-- How much more often the items of a day's lists are acted on elsewhere after the search than before it, by action,
-- channel, gap and whether the list showed them. Each action is held against the nearest of these lists of its user with
-- its item on either side. A gap is measured on lists that have as much of the log before them as known after them.
--
-- Reads marts.outside_actions, marts.fct_exposures.
-- Makes lifts.
insert into lifts by name
with acts as (
    select
        user_id,
        item_id,
        action,
        domain,
        acted_at
    from lake.marts.outside_actions
    where ds >= $first_action_ds and ds < $label_as_of::date
),

lists as (
    select
        user_id,
        item_id,
        requested_at,
        is_exposed
    from lake.marts.fct_exposures
    where ds = $ds and domain = $target_domain
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
        and pairs.requested_at <= $label_as_of::timestamp - gaps.to_hours * interval 1 hour
    group by all
),

overall as (
    select
        action,
        greatest(0, sum(num_after) - sum(num_before)) / sum(num_after) as share
    from counted
    group by action
    having sum(num_after) > 0
),

kinds as (
    select
        overall.action,
        overall.share,
        channels.domain,
        shown.is_exposed,
        gaps.*
    from overall
    cross join (select distinct domain from acts) as channels
    cross join (values (true), (false)) as shown (is_exposed)
    cross join gaps
)

select
    kinds.* exclude (share),
    coalesce(counted.num_after, 0) as num_after,
    coalesce(counted.num_before, 0) as num_before,
    round(
        (
            greatest(0, coalesce(counted.num_after, 0) - coalesce(counted.num_before, 0))
            + $prior_actions * kinds.share
        )
        / (coalesce(counted.num_after, 0) + $prior_actions),
        3
    ) as share
from kinds
left join counted
    on
        kinds.action = counted.action
        and kinds.domain = counted.domain
        and kinds.is_exposed = counted.is_exposed
        and kinds.from_hours = counted.from_hours;
