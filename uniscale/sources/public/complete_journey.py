"""Dunnhumby's "The Complete Journey": real purchases with the displays, mailers and coupons that came before them.

There are no page requests in this data. A household's visit to a store in a week stands for one request in domain
``display`` and one in domain ``mailer``; a campaign sent to a household is a request in domain ``coupon``; purchases
are actions in domain ``store``, outside of all requests.
"""

from __future__ import annotations

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.sources.public.data_set import DataSet
from uniscale.sources.source_files import SourceFile

COLUMNS = {
    "transactions": (
        *("household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc"),
        *("coupon_match_disc", "week", "transaction_timestamp"),
    ),
    "promotions": ("product_id", "store_id", "display_location", "mailer_location", "week"),
    "products": (
        *("product_id", "manufacturer_id", "department", "brand"),
        *("product_category", "product_type", "package_size"),
    ),
    "campaigns": ("campaign_id", "household_id"),
    "campaign_descriptions": ("campaign_id", "campaign_type", "start_date"),
    "coupons": ("coupon_upc", "product_id", "campaign_id"),
    "coupon_redemptions": ("household_id", "coupon_upc", "campaign_id", "redemption_date"),
    "demographics": (
        *("household_id", "age", "income", "home_ownership", "marital_status"),
        *("household_size", "household_comp", "kids_count"),
    ),
}
"""Files of the set, and the columns that are read of each."""

DATA_SET = DataSet(
    name="complete-journey",
    title="The Complete Journey",
    files={
        name: SourceFile(names=(f"{name}.parquet",), columns=columns, form=None) for name, columns in COLUMNS.items()
    },
    views=(
        (USERS, "cj_users", "demographics"),
        (ITEMS, "cj_products", "products"),
        (ITEMS, "cj_coupon_items", "coupons"),
        (REQUESTS, "cj_visit_requests", "promotions"),
        (REQUESTS, "cj_campaign_requests", "campaigns"),
        (CANDIDATES, "cj_visit_candidates", "promotions"),
        (CANDIDATES, "cj_campaign_candidates", "coupons"),
        (ACTIONS_TABLE, "cj_store_actions", "transactions"),
        (ACTIONS_TABLE, "cj_redemption_actions", "coupon_redemptions"),
    ),
    domains=("mailer", "display", "coupon", "store"),
    targets=("mailer", "display"),
)
