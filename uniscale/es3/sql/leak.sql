-- What a model may see of the rows of measured records, beside their labels: the features of the item, and of the user in
-- its category, as they were at the request's time, and those of the query. Of real requests the shown rows are measured.

create or replace temp table leak_rows as
with made_days as (
    select distinct ds
    from measured_samples
    where ds between $first_ds and $ds and query_tier > 0
),

records as (
    select *
    from measured_samples
    -- On the first day of a log there is no synthetic request, and no feature tells any item apart.
    semi join made_days using (ds)
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
        distinct_words(query_text) as query_words,
        unnest(item_ids) as item_id,
        unnest(is_exposed) as is_exposed,
        unnest(is_clicked) as is_clicked
    from records
),

-- What other domains showed, with the clicks there; no query, so nothing that ties to one.
clicked_lists as (
    select distinct request_id
    from lake.marts.fct_exposures
    semi join made_days using (ds)
    where ds between $first_ds and $ds and domain != $target_domain and is_clicked
    order by md5_number_lower(request_id), request_id
    limit $max_records
),

channel_rows as (
    select
        -1 as query_tier,
        request_id as sample_id,
        user_id,
        domain,
        requested_at,
        null as query_text,
        null as query_words,
        item_id,
        is_exposed,
        is_clicked
    from lake.marts.fct_exposures
    semi join clicked_lists using (request_id)
    where ds between $first_ds and $ds and is_exposed
)

select *
from (
    select * from rows
    union all
    select * from channel_rows
)
where query_tier != 0 or is_exposed
-- A list with one kind of label orders nothing.
qualify min(is_clicked) over (partition by query_tier, sample_id) < max(is_clicked) over (partition by query_tier, sample_id);

create or replace temp table leak_joined as
with items as (
    select
        * exclude (ds, recorded_at),
        distinct_words(title) as title_words
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
asof left join queries on leak_rows.query_text = queries.query_text and leak_rows.requested_at >= queries.feature_at
-- A list of a channel mixes categories, a synthetic request hardly does: of the list count the categories clicked.
qualify
    leak_rows.query_tier >= 0
    or bool_or(leak_rows.is_clicked) over (partition by leak_rows.sample_id, items.category_id);
