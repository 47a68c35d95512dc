-- Stage C, third part. Negatives of the synthetic requests: items of the same request, neither clicked nor carted, that
-- fit the query as well as the clicked ones do. Same category comes first, since the query was chosen by category; then shown items;
-- then likeness of titles. An item of another category must match the query's words at least as well as the items of
-- the category do on average, clicked or not: with worse ones, text match alone would tell the clicked item apart.
-- Their number gives synthetic requests the positive rate of the day's real ones.

create or replace temp table negative_rows as
with click_rate as (
    select count(*) filter (where is_clicked) / nullif(count(*), 0) as rate
    from candidate_rows
    where is_exposed
),

wanted as (
    select least($max_negatives, coalesce((1 - rate) / nullif(rate, 0), $max_negatives)) as negatives_per_positive
    from click_rate
),

samples as (
    select
        outside_groups.*,
        words(group_queries.query_text) as query_words
    from outside_groups
    inner join group_queries on outside_groups.sample_id = group_queries.sample_id
),

matched as (
    select
        samples.sample_id,
        samples.request_id,
        samples.num_positives,
        items.item_id,
        items.is_exposed,
        items.is_clicked,
        items.title_words,
        coalesce(items.category_id = samples.category_id, false) as is_same_category,
        coalesce(len(list_intersect(samples.query_words, items.title_words)), 0) as num_matching_words
    from samples
    inner join outside_rows as items
        on
            samples.request_id = items.request_id
            and (
                not (items.is_clicked or items.is_carted)
                or (items.is_positive and samples.category_id = items.category_id)
            )
),

fitting as (
    select *
    from matched
    qualify
        is_same_category
        or num_matching_words
        >= greatest(1, avg(num_matching_words) filter (where is_same_category) over (partition by sample_id))
),

likened as (
    select
        unclicked.sample_id,
        unclicked.num_positives,
        unclicked.item_id,
        unclicked.is_exposed,
        unclicked.is_same_category,
        coalesce(max(jaccard(unclicked.title_words, clicked.title_words)), 0) as likeness
    from fitting as unclicked
    inner join fitting as clicked on unclicked.sample_id = clicked.sample_id and clicked.is_clicked
    where not unclicked.is_clicked
    group by all
)

select
    likened.sample_id,
    likened.item_id
from likened
cross join wanted
qualify
    row_number() over (
        partition by likened.sample_id
        order by
            likened.is_same_category desc,
            likened.is_exposed desc,
            likened.likeness desc,
            uniform_hash($salt, likened.sample_id || '|' || likened.item_id),
            likened.item_id
    ) <= greatest(1, round(likened.num_positives * wanted.negatives_per_positive));

create or replace temp table synthetic_rows as
with samples as (
    select
        outside_groups.sample_id,
        outside_groups.request_id,
        outside_groups.category_id,
        group_queries.query_text,
        group_queries.query_tier,
        group_queries.query_support,
        group_queries.query_confidence
    from outside_groups
    inner join group_queries on outside_groups.sample_id = group_queries.sample_id
    -- A record without a negative teaches a ranker nothing.
    semi join negative_rows on outside_groups.sample_id = negative_rows.sample_id
)

select
    samples.*,
    rows.user_id,
    rows.domain,
    rows.requested_at,
    rows.item_id,
    rows.is_exposed,
    rows.position,
    rows.is_positive as is_clicked,
    rows.is_positive and rows.is_carted as is_carted,
    rows.is_positive and rows.has_free_purchase as is_purchased,
    case when rows.is_positive then rows.free_value else 0 end as purchase_value,
    case when rows.is_positive then rows.action_id end as action_id
from samples
inner join outside_rows as rows on samples.request_id = rows.request_id
left join negative_rows
    on samples.sample_id = negative_rows.sample_id and rows.item_id = negative_rows.item_id
where (rows.is_positive and rows.category_id = samples.category_id) or negative_rows.item_id is not null;

insert into sample_rows by name
select
    * exclude (category_id),
    'synthetic' as provenance,
    1.0 as inclusion_probability,
    $synthetic_weight::float as label_weight
from synthetic_rows;
