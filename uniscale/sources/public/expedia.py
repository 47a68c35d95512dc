"""Expedia hotel searches (ICDM 2013, "Personalize Expedia Hotel Searches"): the search domain on real input.

There is no user id, so every search is a user of its own; there is no time of a click, so a click follows its search by
one minute and a booking by ten.
"""

from __future__ import annotations

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.sources.csv_format import CsvFormat
from uniscale.sources.public.data_set import DataSet
from uniscale.sources.source_files import SourceFile

COLUMNS = (
    *("srch_id", "date_time", "site_id", "visitor_location_country_id"),
    *("visitor_hist_starrating", "visitor_hist_adr_usd", "prop_country_id", "prop_id", "prop_starrating"),
    *("prop_review_score", "prop_brand_bool", "prop_location_score1", "prop_location_score2", "position"),
    *("price_usd", "promotion_flag", "srch_destination_id", "srch_length_of_stay", "srch_booking_window"),
    *("srch_adults_count", "srch_children_count", "srch_room_count", "srch_saturday_night_bool"),
    *("random_bool", "click_bool", "gross_bookings_usd", "booking_bool"),
)
"""What is read of the 54 columns; the competitors' prices are left out."""

DATA_SET = DataSet(
    name="expedia",
    title="the Expedia set",
    files={
        "searches": SourceFile(names=("searches.csv|train.csv",), columns=COLUMNS, form=CsvFormat(nulls=("NULL", "")))
    },
    views=(
        (CANDIDATES, "expedia_candidates", "searches"),
        (USERS, "expedia_users", "searches"),
        (ITEMS, "expedia_items", "searches"),
        (REQUESTS, "expedia_requests", "searches"),
        (ACTIONS_TABLE, "expedia_clicks", "searches"),
        (ACTIONS_TABLE, "expedia_bookings", "searches"),
    ),
    domains=("search",),
    targets=("search",),
)
