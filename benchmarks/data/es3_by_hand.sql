-- The samples of a run by hand: all days at once, no partitions, no contracts, no tests, no lineage. Reads lake.raw.*,
-- writes two Parquet files. Gives the rows that the steps marts and samples give, feature tables and tier 3 left out.

create temp macro words(raw) as list_distinct(regexp_extract_all(lower(raw), '[\p{L}\p{M}\p{N}_]+'));
create temp macro normalised(raw) as nullif(trim(regexp_replace(lower(raw), '\s+', ' ', 'g')), '');
create temp macro drawn(seed, ds, key) as
    md5_number_lower(concat_ws('|', seed, ds, key)) / 18446744073709551616.0::double;
create temp macro jaccard(a, b) as len(list_intersect(a, b)) / nullif(len(a) + len(b) - len(list_intersect(a, b)), 0);
create temp macro wilson(k, n) as greatest(
    0,
    (
        k / n + 1.642374415149816215135841596 / 2 / n
        - 1.2815515655446004 * sqrt(k / n * (1 - k / n) / n + 1.642374415149816215135841596 / 4 / (n * n))
    ) / (1 + 1.642374415149816215135841596 / n)
);

create temp table days as select unnest($days, recursive := true);
create temp table rules as select unnest($rules, recursive := true);
create temp table weights as select unnest($weights, recursive := true);

create temp table requests as
select
    request_id,
    user_id,
    domain,
    query_text,
    normalised(query_text) as search,
    requested_at,
    ds,
    label_as_of,
    is_train
from lake.raw.requests
join days using (ds);

create temp table actions as
select
    a.action_id,
    a.user_id,
    a.item_id,
    a.request_id,
    a.domain,
    a.action,
    a.acted_at,
    a.recorded_at,
    coalesce(a.quantity, 1) * coalesce(a.unit_price, 0) as action_value,
    a.request_id is null or coalesce(r.domain, a.domain) != $target as is_outside,
    coalesce(a.user_id = r.user_id, false) as is_native,
    r.search,
    r.domain as request_domain,
    r.ds as request_ds,
    r.label_as_of
from lake.raw.actions as a
left join requests as r using (request_id);

-- Native labels.
create temp table exposures as
with labels as (
    select
        request_id,
        item_id,
        bool_or(action in ('click', 'purchase')) as is_clicked,
        bool_or(action in ('cart', 'favorite')) as is_carted,
        bool_or(action = 'purchase') as is_purchased,
        sum(action_value order by action_id) filter (where action = 'purchase') as purchase_value
    from actions
    where is_native and recorded_at < label_as_of
    group by all
)

select
    r.ds,
    r.is_train,
    c.request_id,
    c.item_id,
    r.user_id,
    r.domain,
    r.requested_at,
    c.is_exposed,
    c.position,
    coalesce(l.is_clicked, false) as is_clicked,
    coalesce(l.is_carted, false) as is_carted,
    coalesce(l.is_purchased, false) as is_purchased,
    coalesce(l.purchase_value, 0) as purchase_value
from lake.raw.candidates as c
join requests as r using (request_id)
left join labels as l using (request_id, item_id);

create temp table native_clicks as
select
    request_id,
    item_id,
    request_domain,
    search,
    request_ds,
    min(recorded_at) as clicked_at
from actions
where is_native and action in ('click', 'purchase')
group by all;

-- Hierarchical attribution.
create temp table attributions as
with matches as (
    select
        a.action_id,
        a.action,
        a.acted_at,
        a.recorded_at,
        if(a.action = 'purchase', a.action_value, 0) as action_value,
        e.ds,
        e.request_id,
        e.item_id,
        rules.target,
        rules.label_weight
    from actions as a
    join exposures as e on a.user_id = e.user_id and a.item_id = e.item_id and a.acted_at >= e.requested_at
    left join native_clicks as n on e.request_id = n.request_id and e.item_id = n.item_id
    join rules
        on
            a.action = rules.action
            and a.acted_at <= e.requested_at + rules.window_hours * interval 1 hour
            and case rules.target
                when 'exposed' then e.is_exposed
                when 'clicked' then coalesce(n.clicked_at <= a.recorded_at, false)
                when 'exposed_unclicked' then e.is_exposed and not coalesce(n.clicked_at <= a.recorded_at, false)
                when 'unexposed' then not e.is_exposed
            end
    where a.is_outside and e.domain = $target
    qualify row_number() over (partition by a.action_id order by rules.rank, e.requested_at desc, e.request_id) = 1
)

select matches.*
from matches
join days using (ds)
where matches.recorded_at < days.label_as_of;

-- Growth of young labels: chain ladder over the training days.
create temp table growth as
with aged as (
    select
        action,
        ds,
        greatest(0, date_diff('day', ds, recorded_at::date)) as age
    from attributions
),

cells as (
    select
        a.action,
        a.ds,
        ages.age,
        count(*) filter (where a.age <= ages.age) as known
    from aged as a
    join days using (ds)
    join range(0, $window_days + 1) as ages (age) on ages.age <= least(days.age, $window_days)
    where days.is_train
    group by all
),

steps as (
    select
        before.action,
        before.age,
        sum(after.known) / sum(before.known) as step
    from cells as before
    join cells as after on before.action = after.action and before.ds = after.ds and before.age + 1 = after.age
    group by all
    having sum(before.known) > 0
)

select
    rules.action,
    days.ds,
    if(
        $weigh and not any_value(days.is_final),
        least(round(coalesce(product(steps.step), 1), 3), $max_weight), 1
    ) as growth
from days
cross join (select distinct action from rules) as rules
left join steps on rules.action = steps.action and days.age <= steps.age
group by all;

-- Unexposed draw with the forced positives, labels and weights.
create temp table sample_rows as
with outside as (
    select
        request_id,
        item_id,
        bool_or(action = 'click') as has_click,
        bool_or(action = 'purchase') as has_purchase,
        sum(action_value order by action_id) filter (where action = 'purchase') as outside_value,
        min({acted_at: acted_at, id: action_id, weight: label_weight}) filter (where action = 'click') as click,
        min({acted_at: acted_at, id: action_id, weight: label_weight}) filter (where action = 'purchase') as purchase
    from attributions
    group by all
),

marked as (
    select
        e.*,
        o.click,
        o.purchase,
        o.outside_value,
        coalesce(o.has_click, false) and not e.is_clicked as adds_click,
        coalesce(o.has_purchase, false) and not e.is_purchased as adds_purchase,
        e.is_exposed or e.is_clicked or e.is_carted or e.is_purchased or o.request_id is not null as is_kept
    from exposures as e
    left join outside as o using (request_id, item_id)
    where e.domain = $target and e.is_train
),

quotas as (
    select
        request_id,
        round($ratio * count(*) filter (where is_exposed))
        - count(*) filter (where is_kept and not is_exposed) as quota,
        count(*) filter (where not is_kept) as pool
    from marked
    group by all
),

chosen as (
    select
        marked.*,
        if(is_kept, 1.0, least(1.0, quota / pool)) as inclusion_probability
    from marked
    join quotas using (request_id)
    qualify
        is_kept
        or row_number() over (
            partition by request_id, is_kept
            order by md5_number_lower(concat_ws('|', $seed, ds, request_id, item_id)), item_id
        ) <= quota
),

traced as (
    select
        *,
        case when adds_purchase then purchase when adds_click then click end as added,
        case when adds_purchase then 'purchase' when adds_click then 'click' end as added_action,
        case
            when adds_click or adds_purchase then if(is_exposed, 'attributed_exposed', 'attributed_unexposed')
            when is_exposed or is_clicked or is_carted or is_purchased then 'native'
            else 'unexposed'
        end as provenance
    from chosen
)

select
    request_id as sample_id,
    request_id,
    null::varchar as made_query,
    0 as query_tier,
    0::bigint as query_support,
    1.0::double as query_confidence,
    item_id,
    is_exposed,
    position,
    traced.provenance,
    is_clicked or adds_click or is_purchased or adds_purchase as is_clicked,
    is_carted,
    is_purchased or adds_purchase as is_purchased,
    purchase_value + coalesce(outside_value, 0) as purchase_value,
    inclusion_probability::double as inclusion_probability,
    (w.weight * coalesce(added.weight, 1) * coalesce(growth, 1))::float as label_weight,
    added.id as action_id,
    is_clicked as is_natively_clicked,
    is_purchased as is_natively_purchased,
    purchase_value as native_purchase_value,
    plain.weight::float as native_label_weight
from traced
join weights as w on traced.provenance = w.provenance
join weights as plain
    on plain.provenance = if(is_exposed or is_clicked or is_carted or is_purchased, 'native', 'unexposed')
left join growth on traced.added_action = growth.action and traced.ds = growth.ds;

-- What was known of the items, from when on: a version that arrives after a newer one tells nothing.
create temp table versions as
select
    item_id,
    greatest(valid_from, recorded_at) as known_from,
    nullif(category_id, '') as category_id,
    title,
    words(title) as title_words
from lake.raw.items
qualify
    valid_from = max(valid_from) over (partition by item_id order by known_from)
    and row_number() over (partition by item_id, known_from order by valid_from desc, recorded_at desc) = 1;

-- Query statistics.
create temp table query_stats as
with clicks as (
    select
        days.ds,
        n.search,
        n.item_id,
        count(*) as num_clicks
    from native_clicks as n
    join days
        on
            days.is_train
            and n.request_ds between days.ds - $history_days and days.ds - 1
            and n.clicked_at < days.ds::timestamp
    where n.request_domain = $target and n.search is not null
    group by all
),

categories as (
    select
        days.ds,
        item_id,
        arg_max_null(category_id, known_from) as category_id
    from versions
    join days on known_from < days.ds::timestamp and days.is_train
    group by all
),

pairs as (
    select
        ds,
        search,
        category_id,
        sum(num_clicks) as num_clicks
    from clicks
    join categories using (ds, item_id)
    group by all
)

select
    *,
    wilson(
        num_clicks
        + $prior_clicks * (sum(num_clicks) over (partition by ds, category_id))::double
        / sum(num_clicks) over (partition by ds),
        sum(num_clicks) over (partition by ds, search) + $prior_clicks::double
    ) as confidence
from pairs;

-- Searchification: what was seen in other domains' lists with a click, and the clicks that attribution left over.
create temp table lists as
select * from exposures where domain != $target and is_train and is_exposed;

create temp table outside_actions as
with acts as (
    select
        a.*,
        days.ds,
        t.action_id is null as is_free
    from actions as a
    join days on days.ds = coalesce(a.request_ds, a.acted_at::date) and days.is_train
    left join (select action_id from attributions join days using (ds) where is_train) as t on a.action_id = t.action_id
    where a.is_outside and a.action in ('click', 'purchase') and a.recorded_at < days.label_as_of
),

visits as (
    select
        acts.action_id,
        lists.request_id
    from acts
    asof join lists
        on
            acts.ds = lists.ds
            and acts.item_id = lists.item_id
            and acts.user_id = lists.user_id
            and acts.domain = lists.domain
            and acts.acted_at >= lists.requested_at
    where
        acts.request_ds is null
        and acts.action = 'click'
        and acts.acted_at <= lists.requested_at + $visit_minutes * interval 1 minute
)

select
    acts.* exclude (request_id),
    if(acts.request_ds is null, visits.request_id, acts.request_id) as request_id
from acts
left join visits using (action_id);

create temp table outside_rows as
with outcomes as (
    select
        request_id,
        item_id,
        user_id,
        bool_or(action = 'click') as has_click,
        bool_or(action = 'click' and not is_free) as has_taken_click,
        bool_or(action = 'purchase' and is_free) as has_free_purchase,
        min({action: action, acted_at: acted_at, id: action_id}) filter (where is_free) as first_free,
        sum(action_value order by action_id) filter (where action = 'purchase' and is_free) as free_value
    from outside_actions
    where request_id is not null
    group by all
),

clicked as (
    select request_id from lists where is_clicked union select request_id from outcomes where has_click
),

labelled as (
    select
        l.* exclude (is_clicked),
        o.first_free.id as action_id,
        l.is_clicked or coalesce(o.has_click, false) as is_clicked,
        o.first_free is not null and not o.has_taken_click as is_free,
        coalesce(o.has_free_purchase, false) as has_free_purchase,
        coalesce(o.free_value, 0) as free_value
    from lists as l
    semi join clicked using (request_id)
    left join outcomes as o using (request_id, item_id, user_id)
),

claimed as (
    select distinct
        l.request_id,
        l.item_id
    from labelled as l
    join exposures as e
        on
            l.user_id = e.user_id
            and l.item_id = e.item_id
            and e.domain = $target
            and l.requested_at >= e.requested_at
            and l.requested_at <= e.requested_at + $click_window_hours * interval 1 hour
)

select
    l.*,
    l.is_clicked and l.is_free as is_positive,
    not (l.is_clicked or l.is_carted) and c.item_id is null as is_negative,
    v.category_id,
    v.title_words
from labelled as l
left join claimed as c using (request_id, item_id)
asof left join versions as v on l.item_id = v.item_id and l.requested_at >= v.known_from;

create temp table made as
select
    request_id || '~s' || category_id as sample_id,
    request_id,
    category_id,
    ds,
    user_id,
    requested_at,
    count(*) as num_positives
from outside_rows
where is_positive and category_id is not null
group by all;

-- Own query: the user's most recent search about the category.
create temp table past as
select
    made.sample_id,
    made.ds,
    made.category_id as wanted,
    made.requested_at as wanted_at,
    r.request_id,
    r.requested_at,
    r.search
from made
join requests as r
    on
        made.user_id = r.user_id
        and made.requested_at > r.requested_at
        and made.requested_at <= r.requested_at + $history_days * interval 1 day
        and r.domain = $target
        and r.search is not null;

create temp table queries as
with searches as (
    select distinct ds, request_id, requested_at from past
),

clicks as (
    select
        s.ds,
        s.request_id,
        a.recorded_at,
        v.category_id
    from searches as s
    join actions as a on s.request_id = a.request_id and a.action = 'click' and a.is_native
    asof join versions as v on a.item_id = v.item_id and s.requested_at >= v.known_from
    where v.category_id is not null
),

clicked as (
    select
        past.sample_id,
        past.request_id,
        any_value(past.wanted) as wanted,
        count(*) filter (where clicks.category_id = past.wanted) as num,
        count(*) as num_all
    from past
    join clicks on past.ds = clicks.ds and past.request_id = clicks.request_id and past.wanted_at > clicks.recorded_at
    group by past.sample_id, past.request_id
),

shown as (
    select
        s.ds,
        s.request_id,
        v.category_id,
        count(*) as num,
        sum(count(*)) over (partition by s.ds, s.request_id) as num_all
    from searches as s
    join exposures as e on s.request_id = e.request_id and e.is_exposed
    asof join versions as v on e.item_id = v.item_id and s.requested_at >= v.known_from
    where v.category_id is not null
    group by s.ds, s.request_id, v.category_id
),

evidence as (
    select
        past.*,
        coalesce(clicked.num, 0) as support,
        coalesce(clicked.num, shown.num, 0) as num,
        coalesce(clicked.num_all, shown.num_all, 1) as num_all
    from past
    left join clicked using (sample_id, request_id)
    left join shown
        on past.ds = shown.ds and past.request_id = shown.request_id and past.wanted = shown.category_id
)

select
    sample_id,
    search,
    1 as query_tier,
    support as query_support,
    wilson(num, num_all) as query_confidence
from evidence
where drawn($seed, ds, sample_id || '|' || request_id) < num / num_all and query_confidence >= $min_confidence
qualify row_number() over (partition by sample_id order by requested_at desc, request_id desc) = 1;

-- Co-occurring query: drawn by clicks and by the words the user has searched before.
insert into queries
with stats as (
    select
        *,
        words(search) as query_words
    from query_stats
    where num_clicks >= $min_support and confidence >= $min_confidence
    qualify row_number() over (partition by ds, category_id order by num_clicks desc, search) <= 200
),

wanting as (
    select * from made anti join queries using (sample_id)
),

searched as (
    select
        sample_id,
        list_distinct(flatten(list(words(search)))) as user_words
    from past
    semi join wanting using (sample_id)
    group by all
),

offers as (
    select
        w.sample_id,
        w.ds,
        s.search,
        s.num_clicks,
        s.confidence,
        sum(s.num_clicks * (1 + $user_mix * coalesce(len(list_intersect(s.query_words, u.user_words)), 0)))
            over (partition by w.sample_id order by s.search) as up_to
    from wanting as w
    join stats as s on w.ds = s.ds and w.category_id = s.category_id
    left join searched as u using (sample_id)
),

totalled as (
    select *, max(up_to) over (partition by sample_id) as total from offers
)

select
    sample_id,
    search,
    2,
    num_clicks,
    confidence
from totalled
where up_to > drawn($seed, ds, sample_id) * total
qualify row_number() over (partition by sample_id order by search) = 1;

-- How rows of real lists and of lists with a click match their query: its category, and so many words of so many.
create temp table matched as
with meanings as (
    select
        ds,
        search,
        category_id,
        row_number() over (partition by ds, search order by num_clicks desc, category_id desc) = 1 as is_meant
    from query_stats
    where num_clicks > 0
),

searches as (
    select
        ds,
        request_id,
        search,
        words(search) as query_words
    from requests
    where
        is_train
        and domain = $target
        and search is not null
        and request_id in (select request_id from sample_rows where is_exposed)
    qualify row_number() over (partition by ds order by md5_number_lower(request_id), request_id) <= $max_lists
),

rows as (
    select
        s.ds,
        0 as query_tier,
        s.request_id as sample_id,
        r.item_id,
        s.search,
        s.query_words,
        v.category_id,
        v.title_words,
        r.is_clicked,
        null as wanted
    from searches as s
    join sample_rows as r on s.request_id = r.sample_id and r.is_exposed
    join requests as q on s.request_id = q.request_id
    asof join versions as v on r.item_id = v.item_id and q.requested_at >= v.known_from
    union all
    select
        m.ds,
        q.query_tier,
        m.sample_id,
        o.item_id,
        q.search,
        words(q.search) as query_words,
        o.category_id,
        o.title_words,
        o.is_clicked,
        m.category_id
    from made as m
    join queries as q using (sample_id)
    join outside_rows as o
        on m.request_id = o.request_id and (o.is_negative or (o.is_positive and m.category_id = o.category_id))
)

select
    rows.ds,
    query_tier,
    sample_id,
    item_id,
    title_words,
    is_clicked,
    coalesce(mine.is_meant, any_meaning.search is null) as is_meant,
    least(len(query_words), 8) as asked,
    least(coalesce(len(list_intersect(query_words, title_words)), 0), 8) as matching,
    drawn($seed, rows.ds, sample_id || '|' || item_id) as draw
from rows
left join meanings as any_meaning
    on rows.ds = any_meaning.ds and rows.search = any_meaning.search and any_meaning.is_meant
left join meanings as mine on rows.ds = mine.ds and rows.search = mine.search and rows.category_id = mine.category_id
where mine.is_meant is not null or rows.category_id = rows.wanted;

create temp table seen as
with classes as (
    select
        ds,
        is_meant,
        asked,
        matching,
        (
            count(*) filter (where is_clicked)
            + 20
            * sum(count(*) filter (where is_clicked)) over (partition by ds, is_meant, asked)
            / sum(count(*)) over (partition by ds, is_meant, asked)
        )
        / (count(*) + 20) as rate
    from matched
    where query_tier = 0
    group by ds, is_meant, asked, matching
),

chances as (
    select
        *,
        (1 - rate) / rate / max((1 - rate) / rate) over (partition by ds, is_meant, asked) as chance
    from classes
    where rate > 0 and rate < 1
)

select
    matched.*,
    coalesce(chance, 1) as word_chance
from matched
left join chances using (ds, is_meant, asked, matching)
where query_tier > 0 and not is_clicked;

-- Negatives that tell as much as those of real lists, then the synthetic rows.
insert into sample_rows
with rates as (
    select
        ds,
        least($max_negatives, coalesce((1 - avg(is_clicked::int)) / nullif(avg(is_clicked::int), 0), $max_negatives))
            as per_positive
    from exposures
    where domain = $target and is_exposed
    group by ds
),

pairs as (
    select
        ds,
        query_tier,
        count(*) filter (where is_clicked and is_meant) * count(*) filter (where not is_clicked and not is_meant) as pro,
        count(*) filter (where is_clicked and not is_meant) * count(*) filter (where not is_clicked and is_meant) as con
    from (
        select ds, query_tier, sample_id, is_meant, is_clicked from matched where query_tier = 0 or is_clicked
        union all
        select ds, query_tier, sample_id, is_meant, is_clicked from seen where draw < word_chance
    )
    group by ds, query_tier, sample_id
),

odds as (
    select
        ds,
        query_tier,
        (sum(pro) + 10) / (sum(con) + 10) as odds
    from pairs
    group by all
),

ratios as (
    select
        synthetic.ds,
        synthetic.query_tier,
        coalesce(searched.odds, 1) / synthetic.odds as ratio
    from odds as synthetic
    left join odds as searched on synthetic.ds = searched.ds and searched.query_tier = 0
    where synthetic.query_tier > 0
),

likened as (
    select
        seen.ds,
        seen.sample_id,
        seen.item_id,
        seen.draw,
        coalesce(max(jaccard(seen.title_words, clicked.title_words)), 0) as likeness
    from seen
    join ratios using (ds, query_tier)
    join matched as clicked on seen.sample_id = clicked.sample_id and clicked.is_clicked
    where seen.draw < seen.word_chance * least(1, if(seen.is_meant, 1 / ratio, ratio))
    group by all
),

negatives as (
    select
        likened.*,
        num_positives * per_positive as wanted
    from likened
    join made using (sample_id)
    join rates on likened.ds = rates.ds
    qualify
        row_number() over (partition by sample_id order by likeness desc, draw, item_id)
        <= greatest(1, round(num_positives * per_positive))
),

balances as (
    select
        sample_id,
        if($positive_rate = 'weigh', least(1, count(*) / any_value(wanted)), 1) as positive_weight
    from negatives
    group by all
)

select
    made.sample_id,
    made.request_id,
    q.search,
    q.query_tier,
    q.query_support,
    q.query_confidence,
    o.item_id,
    o.is_exposed,
    o.position,
    'synthetic',
    o.is_positive,
    o.is_positive and o.is_carted,
    o.is_positive and o.has_free_purchase,
    if(o.is_positive, o.free_value, 0),
    1.0,
    (w.weight * if(o.is_positive, positive_weight, 1))::float as label_weight,
    if(o.is_positive, o.action_id, null),
    o.is_positive,
    o.is_positive and o.has_free_purchase,
    if(o.is_positive, o.free_value, 0),
    label_weight
from made
join queries as q using (sample_id)
join balances using (sample_id)
join weights as w on w.provenance = 'synthetic'
join outside_rows as o on made.request_id = o.request_id
left join negatives as n on made.sample_id = n.sample_id and o.item_id = n.item_id
where n.item_id is not null or (o.is_positive and o.category_id = made.category_id);

-- Sequences, and how much of them each record may see.
create temp table sequences as
with acts as (
    select
        a.user_id,
        list_sort(list({
            known_at: a.recorded_at,
            acted_at: a.acted_at,
            action_id: a.action_id,
            item_id: a.item_id,
            category_id: coalesce(v.category_id, ''),
            action: a.action,
            domain: a.domain
        })) as acts
    from lake.raw.actions as a
    asof left join (
        select
            item_id,
            greatest(valid_from, recorded_at) as known_from,
            arg_max(category_id, (valid_from, recorded_at)) as category_id
        from lake.raw.items
        group by all
    ) as v on a.item_id = v.item_id and a.recorded_at >= v.known_from
    where a.ds in (select ds from days where is_train)
    group by all
)

select
    user_id,
    [x.known_at for x in acts] as known_at,
    [x.acted_at for x in acts] as acted_at,
    [x.item_id for x in acts] as item_ids,
    [x.category_id for x in acts] as category_ids,
    [x.action for x in acts] as actions,
    [x.domain for x in acts] as domains
from acts;

copy (from sequences order by user_id) to 'OUT/sequences.parquet' (format parquet, compression zstd);

copy (
    with known as (
        select
            user_id,
            known_at,
            max(num_known) as num_known
        from (
            select
                user_id,
                unnest(known_at) as known_at,
                generate_subscripts(known_at, 1) as num_known
            from sequences
        )
        group by all
    ),

    records as (
        select
            sample_id,
            request_id,
            made_query,
            query_tier,
            query_support,
            query_confidence,
            list_sort(list({
                is_hidden: not is_exposed,
                place: coalesce(position, 2147483647),
                item_id: item_id,
                is_exposed: is_exposed,
                position: position,
                provenance: provenance,
                is_clicked: is_clicked,
                is_carted: is_carted,
                is_purchased: is_purchased,
                purchase_value: purchase_value,
                inclusion_probability: inclusion_probability,
                label_weight: label_weight,
                action_id: action_id,
                is_natively_clicked: is_natively_clicked,
                is_natively_purchased: is_natively_purchased,
                native_purchase_value: native_purchase_value,
                native_label_weight: native_label_weight
            })) as items
        from sample_rows
        group by all
    )

    select
        r.ds,
        records.sample_id,
        records.request_id,
        r.user_id,
        r.domain,
        r.requested_at,
        if(query_tier = 0, r.query_text, made_query) as query_text,
        query_tier,
        query_support,
        query_confidence,
        coalesce(known.num_known, 0) as sequence_length,
        [x.item_id for x in items] as item_ids,
        [x.is_exposed for x in items] as is_exposed,
        [x.position for x in items] as position,
        [x.provenance for x in items] as provenance,
        [x.is_clicked for x in items] as is_clicked,
        [x.is_carted for x in items] as is_carted,
        [x.is_purchased for x in items] as is_purchased,
        [x.purchase_value for x in items] as purchase_value,
        [x.inclusion_probability for x in items] as inclusion_probability,
        [x.label_weight for x in items] as label_weight,
        [x.action_id for x in items] as action_ids,
        [x.is_natively_clicked for x in items] as is_natively_clicked,
        [x.is_natively_purchased for x in items] as is_natively_purchased,
        [x.native_purchase_value for x in items] as native_purchase_value,
        [x.native_label_weight for x in items] as native_label_weight,
        days.label_as_of,
        days.is_final
    from records
    join requests as r using (request_id)
    join days on r.ds = days.ds
    asof left join known on r.user_id = known.user_id and r.requested_at > known.known_at
    order by r.requested_at, records.sample_id
) to 'OUT/records.parquet' (format parquet, compression zstd);
