-- Stage C. A query's evidence knows the category of the clicked items, never which items they are: a query chosen from
-- the positive item would give the label away. Here: searches of the same user before the request, with a query.
-- From the log: most are of days before those that marts hold.
--
-- Reads outside_groups, raw.requests.
-- Makes past_searches.
create or replace temp table past_searches as
with users as (
    select distinct user_id
    from outside_groups
)

select
    requests.request_id,
    requests.user_id,
    requests.requested_at,
    normalised_query(requests.query_text) as query_text
from lake.raw.requests
semi join users on requests.user_id = users.user_id
where
    requests.ds between $first_history_ds and $ds
    and requests.domain = $target_domain
    and normalised_query(requests.query_text) is not null;
