-- The Complete Journey as the five tables of the event contract. The views transactions, promotions, products, campaigns,
-- campaign_descriptions, coupons, coupon_redemptions and demographics show the files with their row_number.
create or replace temp table cj_start as
select least(
    (select min(date '1970-01-01' + start_date::integer) from campaign_descriptions)::timestamp,
    date_trunc('day', (select min(make_timestamp((transaction_timestamp * 1e6)::bigint)) from transactions))
) as started_at;

create or replace temp view cj_purchases as
select
    row_number,
    household_id,
    store_id,
    basket_id,
    product_id,
    week,
    make_timestamp((transaction_timestamp * 1e6)::bigint) as bought_at,
    sales_value,
    -- Fuel and miscellaneous items are counted in thousandths of a unit: such a line is one purchase.
    case when quantity > 100 then 1 else quantity end as num_units,
    (sales_value + retail_disc + coupon_match_disc) / nullif(num_units, 0) as shelf_price
from transactions;

create or replace temp view cj_product_facts as
select
    product_id,
    nullif(concat_ws('/', department, product_category, product_type), '') as category_id,
    lower(nullif(concat_ws(' ', product_type, package_size, brand), '')) as title,
    manufacturer_id,
    facts([
        ('department', department), ('product_category', product_category), ('brand', brand)
    ]) as attributes
from products
qualify row_number() over (partition by product_id order by row_number) = 1;

create or replace temp view cj_users as
with households as (
    select household_id from transactions union select household_id from campaigns
    union select household_id from demographics
)
select
    row_number() over (order by household_id) as row_number,
    household_id as user_id,
    started_at as valid_from,
    started_at as recorded_at,
    case when d.household_id is not null then facts([
        ('age', d.age), ('income', d.income), ('home_ownership', d.home_ownership),
        ('marital_status', d.marital_status), ('household_size', d.household_size),
        ('household_comp', d.household_comp), ('kids_count', d.kids_count)
    ]) end as attributes
from households cross join cj_start left join demographics d using (household_id);

-- A product is known from the start; a version follows whenever a day's last purchase shows another shelf price.
create or replace temp view cj_products as
with daily as (
    select product_id, max(bought_at) as valid_from, round(arg_max(shelf_price, (bought_at, row_number)), 2) as price
    from cj_purchases
    where shelf_price is not null
    group by product_id, date_trunc('day', bought_at)
),
changed as (
    select * from daily
    qualify price is distinct from lag(price) over (partition by product_id order by valid_from)
),
versions as (
    select distinct product_id, (select started_at from cj_start) as valid_from, null as price from transactions
    union all
    select product_id, valid_from, price from changed
)
select
    row_number() over (order by product_id, valid_from) as row_number,
    product_id as item_id,
    title,
    category_id,
    manufacturer_id as brand_id,
    cast(null as varchar) as shop_id,
    price,
    valid_from,
    valid_from as recorded_at,
    attributes
from versions left join cj_product_facts using (product_id);

-- A coupon is an item of its own: a redemption names the coupon, not the product.
create or replace temp view cj_coupon_items as
with kinds as (
    select coupon_upc, category_id, count(*) as num_products
    from coupons left join cj_product_facts using (product_id)
    group by all
)
select
    row_number() over (order by coupon_upc) as row_number,
    'coupon-' || coupon_upc as item_id,
    lower('coupon ' || coalesce(category_id, '')) as title,
    'COUPON/' || category_id as category_id,
    started_at as valid_from,
    started_at as recorded_at
from kinds cross join cj_start
qualify row_number() over (partition by coupon_upc order by num_products desc, category_id) = 1;

-- A visit: a household in a store with known promotions in a week. What the store sells is what the sample saw it sell.
create or replace temp table cj_shown as
with visits as (
    select household_id, store_id, week, min(bought_at) as first_bought_at
    from cj_purchases
    where store_id in (select store_id from promotions)
    group by all
),
assortment as (
    select distinct store_id, product_id from transactions
),
promoted as (
    select
        product_id,
        store_id,
        week,
        min(list_position(['1', '2', '3', '4', '5', '6', '7', '9', 'A'], display_location)) as display_rank,
        min(list_position(['H', 'D', 'F', 'L', 'Z', 'A', 'X', 'J', 'C', 'P'], mailer_location)) as mailer_rank
    from promotions semi join assortment using (store_id, product_id)
    group by all
),
shown as (
    select
        domain,
        domain || '-' || household_id || '-' || store_id || '-' || week as request_id,
        household_id,
        store_id,
        week,
        product_id,
        case domain when 'display' then display_rank else mailer_rank end as place,
        first_bought_at - case domain when 'display' then interval 30 minute else interval 1 day end as requested_at
    from visits join promoted using (store_id, week) cross join (select unnest(['display', 'mailer']) as domain)
)
select * from shown
qualify count(place) over (partition by request_id) > 0;

create or replace temp view cj_visit_requests as
select
    row_number() over (order by request_id) as row_number,
    request_id,
    household_id as user_id,
    domain,
    requested_at,
    map {'store': store_id, 'week': week::varchar} as attributes
from (select distinct request_id, household_id, domain, requested_at, store_id, week from cj_shown);

create or replace temp view cj_visit_candidates as
select
    row_number() over (order by request_id, product_id) as row_number,
    request_id,
    product_id as item_id,
    place is not null as is_exposed,
    case when is_exposed
        then (row_number() over (partition by request_id, place is null order by place, product_id))::integer
    end as position
from cj_shown;

create or replace temp view cj_campaign_requests as
select
    row_number() over (order by campaign_id, household_id) as row_number,
    'coupon-' || campaign_id || '-' || household_id as request_id,
    household_id as user_id,
    'coupon' as domain,
    (date '1970-01-01' + start_date::integer) + interval 8 hour as requested_at,
    map {'campaign': campaign_id, 'campaign_type': campaign_type} as attributes
from (select distinct campaign_id, household_id from campaigns) join campaign_descriptions using (campaign_id);

create or replace temp view cj_campaign_candidates as
select
    row_number() over (order by campaign_id, household_id, coupon_upc) as row_number,
    'coupon-' || campaign_id || '-' || household_id as request_id,
    'coupon-' || coupon_upc as item_id,
    true as is_exposed,
    (row_number() over (partition by campaign_id, household_id order by coupon_upc))::integer as position
from (select distinct campaign_id, household_id from campaigns)
join (select distinct campaign_id, coupon_upc from coupons) using (campaign_id);

create or replace temp view cj_store_actions as
select
    row_number,
    'store-' || basket_id || '-' || product_id as action_id,
    household_id as user_id,
    product_id as item_id,
    'purchase' as action,
    bought_at as acted_at,
    bought_at as recorded_at,
    'store' as domain,
    num_units as quantity,
    sales_value / nullif(num_units, 0) as unit_price
from cj_purchases;

-- Only the day of a redemption is known: noon stands for it, and it is known when the day ends.
create or replace temp view cj_redemption_actions as
select
    row_number,
    'redemption-' || campaign_id || '-' || household_id || '-' || coupon_upc || '-' || redemption_date::integer
        as action_id,
    household_id as user_id,
    'coupon-' || coupon_upc as item_id,
    'purchase' as action,
    (date '1970-01-01' + redemption_date::integer) + interval 12 hour as acted_at,
    acted_at + interval 43199 second as recorded_at,
    'coupon' as domain,
    'coupon-' || campaign_id || '-' || household_id as request_id,
    1 as quantity
from coupon_redemptions;
