-- The Expedia searches as the five tables of the event contract. `searches` holds the file: every column as text,
-- missing values NULL, and row_number. One view per table (two for the actions); the checks of the contract follow later, so
-- numbers and times are passed on as they are where nothing is computed from them.
create or replace temp view expedia_users as
select
    row_number,
    'v' || srch_id as user_id,
    date_time as valid_from,
    date_time as recorded_at,
    facts([
        ('site', site_id),
        ('country', visitor_location_country_id),
        ('usual_stars', cast(round(try_cast(visitor_hist_starrating as double)) as integer)::varchar),
        ('usual_price', bucket(visitor_hist_adr_usd, [75, 125, 175, 250]))
    ]) as attributes
from searches
qualify row_number() over (partition by srch_id order by row_number) = 1;

create or replace temp view expedia_items as
select
    row_number,
    prop_id as item_id,
    concat_ws(
        ' ',
        'hotel',
        case when prop_brand_bool = '1' then 'brand' else 'independent' end,
        'stars_' || nullif(prop_starrating, '0'),
        'country_' || prop_country_id
    ) as title,
    prop_country_id as category_id,
    case prop_brand_bool when '1' then 'brand' when '0' then 'independent' end as brand_id,
    cast(null as varchar) as shop_id,
    price_usd as price,
    date_time as valid_from,
    date_time as recorded_at,
    facts([
        ('stars', nullif(prop_starrating, '0')),
        ('review', cast(nullif(try_cast(prop_review_score as double), 0) as varchar)),
        ('location', bucket(prop_location_score1, [1, 2, 3, 4, 5])),
        ('location_for_search', bucket(prop_location_score2, [0.01, 0.03, 0.1, 0.2, 0.4])),
        ('promotion', nullif(promotion_flag, '0'))
    ]) as attributes
from searches
qualify row_number() over (partition by prop_id, date_time order by row_number) = 1;

create or replace temp view expedia_requests as
select
    row_number,
    'e' || srch_id as request_id,
    'v' || srch_id as user_id,
    'search' as domain,
    concat_ws(
        ' ',
        'destination_' || srch_destination_id,
        'stay_' || srch_length_of_stay,
        'ahead_' || bucket(srch_booking_window, [1, 3, 7, 14, 30, 60, 120]),
        'adults_' || srch_adults_count,
        'children_' || nullif(srch_children_count, '0'),
        'rooms_' || nullif(srch_room_count, '1'),
        case when srch_saturday_night_bool = '1' then 'saturday' end
    ) as query_text,
    date_time as requested_at,
    facts([
        ('is_random_order', random_bool),
        ('site', site_id),
        ('destination', srch_destination_id)
    ]) as attributes
from searches
qualify row_number() over (partition by srch_id order by row_number) = 1;

create or replace temp view expedia_candidates as
select
    row_number,
    'e' || srch_id as request_id,
    prop_id as item_id,
    true as is_exposed,
    position
from searches;

create or replace temp view expedia_clicks as
select
    row_number,
    'e' || srch_id || '-' || prop_id || '-click' as action_id,
    'v' || srch_id as user_id,
    prop_id as item_id,
    'click' as action,
    utc_time(date_time) + interval 1 minute as acted_at,
    acted_at as recorded_at,
    'search' as domain,
    'e' || srch_id as request_id
from searches
where click_bool = '1';

create or replace temp view expedia_bookings as
select
    row_number,
    'e' || srch_id || '-' || prop_id || '-purchase' as action_id,
    'v' || srch_id as user_id,
    prop_id as item_id,
    'purchase' as action,
    utc_time(date_time) + interval 10 minute as acted_at,
    acted_at as recorded_at,
    'search' as domain,
    'e' || srch_id as request_id,
    1 as quantity,
    gross_bookings_usd as unit_price
from searches
where booking_bool = '1';
