-- Real searches with a click, dressed as the requests that stage C makes queries for: what was asked is hidden, who
-- asked, when, and the category of what was clicked is known. Replaces outside_groups and outside_rows.
--
-- Reads marts.fct_exposures, item_versions.
-- Makes held_out, outside_rows, outside_groups.

create or replace temp table held_out as
select
    request_id,
    any_value(user_id) as user_id,
    any_value(requested_at) as requested_at,
    any_value(normalised_query) as asked_query
from lake.marts.fct_exposures
where ds = $ds and domain = $target_domain
group by request_id
having asked_query is not null and bool_or(is_clicked)
order by md5_number_lower(request_id), request_id
limit $max_searches;

create or replace temp table outside_rows as
with rows as (
    select
        exposures.request_id,
        exposures.item_id,
        exposures.requested_at,
        exposures.is_clicked
    from lake.marts.fct_exposures as exposures
    semi join held_out on exposures.request_id = held_out.request_id
    where exposures.ds = $ds
)

select
    rows.request_id,
    rows.item_id,
    rows.is_clicked,
    item_versions.category_id,
    item_versions.title
from rows
asof left join item_versions
    on rows.item_id = item_versions.item_id and rows.requested_at >= item_versions.known_from;

-- The category clicked most.
create or replace temp table outside_groups as
with clicked as (
    select
        request_id,
        category_id,
        count(*) as num_positives
    from outside_rows
    where is_clicked and category_id is not null
    group by request_id, category_id
    qualify row_number() over (partition by request_id order by num_positives desc, category_id) = 1
)

select
    held_out.request_id as sample_id,
    held_out.request_id,
    clicked.category_id,
    held_out.user_id,
    held_out.requested_at,
    clicked.num_positives
from held_out
inner join clicked on held_out.request_id = clicked.request_id;
