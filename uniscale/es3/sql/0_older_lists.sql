-- Lists of days before the training days that may have taken an outside action, read once for all days of a run: the
-- samples of those days stand as they are. Only items that their user acted on later matter. From the log, since no mart
-- needs to hold the lists of these days.
--
-- Reads marts.outside_actions, raw.requests, raw.candidates.
-- Makes older_lists.
create or replace temp table older_lists as
with acts as (
    select distinct
        user_id,
        item_id
    from lake.marts.outside_actions
    where ds between $first_ds and $known_ds
),

requests as (
    select
        request_id,
        user_id,
        requested_at
    from lake.raw.requests
    where ds between $first_older_ds and $last_older_ds and domain = $target_domain
)

select
    requests.user_id,
    candidates.item_id,
    requests.requested_at
from lake.raw.candidates
inner join requests on candidates.request_id = requests.request_id
semi join acts on requests.user_id = acts.user_id and candidates.item_id = acts.item_id
where candidates.ds between $first_older_ds and $last_older_ds;
