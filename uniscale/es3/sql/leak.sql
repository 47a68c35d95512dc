-- What a model may see of the rows of measured records, beside their labels: the features of the item, and of the user in
-- its category, as they were at the request's time, and those of the query. Of real requests the shown rows are measured.

create or replace temp table leak_rows as
with records as (
    select *
    from measured_samples
    where ds between $first_ds and $ds and normalised_query(query_text) is not null
    qualify row_number() over (partition by query_tier order by md5_number_lower(sample_id), sample_id) <= $max_records
),

rows as (
    select
        query_tier,
        sample_id,
        user_id,
        domain,
        requested_at,
        normalised_query(query_text) as query_text,
        words(query_text) as query_words,
        unnest(item_ids) as item_id,
        unnest(is_exposed) as is_exposed,
        unnest(is_clicked) as is_clicked
    from records
)

select *
from rows
where query_tier > 0 or is_exposed
-- A record with one kind of label orders nothing.
qualify count(distinct is_clicked) over (partition by sample_id) = 2;

create or replace temp table leak_joined as
with items as (
    select
        * exclude (ds, recorded_at),
        words(title) as title_words
    from lake.features.item_features
    where ds between $first_version_ds and $ds
),

user_categories as (
    select versions.* exclude (ds, recorded_at)
    from lake.features.user_category_features as versions
    semi join leak_rows on versions.user_id = leak_rows.user_id
    where versions.ds between $first_version_ds and $ds
),

queries as (
    select
        query_text,
        feature_at,
        query_categories,
        query_category_shares
    from lake.features.query_features
    where ds between $first_version_ds and $ds
)

select
    leak_rows.*,
    items.* exclude (item_id, feature_at),
    user_categories.* exclude (user_id, category_id, feature_at),
    queries.* exclude (query_text, feature_at)
from leak_rows
asof left join items on leak_rows.item_id = items.item_id and leak_rows.requested_at >= items.feature_at
asof left join user_categories
    on
        leak_rows.user_id = user_categories.user_id
        and items.category_id = user_categories.category_id
        and leak_rows.requested_at >= user_categories.feature_at
asof left join queries on leak_rows.query_text = queries.query_text and leak_rows.requested_at >= queries.feature_at;
