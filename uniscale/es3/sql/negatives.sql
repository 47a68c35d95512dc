-- Stage C, third part. Negatives of the synthetic requests: unclicked items of the same request that fit the query as
-- well as the clicked ones do. Same category comes first, since the query was chosen by category; then shown items;
-- then likeness of titles. Their number gives synthetic requests the positive rate of the day's real ones.

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
    select outside_groups.*
    from outside_groups
    semi join group_queries on outside_groups.sample_id = group_queries.sample_id
),

pairs as (
    select
        samples.sample_id,
        samples.num_positives,
        unclicked.item_id,
        unclicked.is_exposed,
        coalesce(unclicked.category_id = samples.category_id, false) as is_same_category,
        coalesce(max(jaccard(unclicked.title_words, clicked.title_words)), 0) as likeness
    from samples
    inner join outside_rows as clicked
        on
            samples.request_id = clicked.request_id
            and samples.category_id = clicked.category_id
            and clicked.is_positive
    inner join outside_rows as unclicked
        on samples.request_id = unclicked.request_id and not unclicked.is_clicked
    group by all
)

select
    pairs.sample_id,
    pairs.item_id
from pairs
cross join wanted
where pairs.is_same_category or pairs.likeness > 0
qualify
    row_number() over (
        partition by pairs.sample_id
        order by
            pairs.is_same_category desc,
            pairs.is_exposed desc,
            pairs.likeness desc,
            uniform_hash($salt, pairs.sample_id || '|' || pairs.item_id),
            pairs.item_id
    ) <= greatest(1, round(pairs.num_positives * wanted.negatives_per_positive));

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
    rows.is_positive and rows.has_free_purchase as is_purchased,
    case when rows.is_positive then rows.free_value else 0 end as purchase_value,
    case when rows.is_positive then rows.action_id end as action_id
from samples
inner join outside_rows as rows on samples.request_id = rows.request_id
left join negative_rows
    on samples.sample_id = negative_rows.sample_id and rows.item_id = negative_rows.item_id
where (rows.is_positive and rows.category_id = samples.category_id) or negative_rows.item_id is not null;
