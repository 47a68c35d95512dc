"""Feature tables: one daily version per entity, valid from the midnight that ends the day it was computed from.

A version stamped ``feature_at`` = ``ds`` + 1 day 00:00 uses only events recorded before that time, so a point-in-time
join at a request's time sees nothing the platform did not know.
"""

from __future__ import annotations

from uniscale.contracts.schema import Column, Table

_COMMON = (
    Column(name="ds", type="DATE", description="Last UTC day whose events are used."),
    Column(name="feature_at", type="TIMESTAMP", description="Midnight UTC that ends ds: from then on the values hold."),
    Column(name="recorded_at", type="TIMESTAMP", description="Knowledge time of the version; equals feature_at."),
)


def _count(name: str, description: str) -> Column:
    return Column(name=name, type="BIGINT", description=description, minimum=0)


USER_FEATURES = Table(
    schema="features",
    name="user_features",
    grain="One row per user and day on which the user is known.",
    key=("user_id", "feature_at"),
    columns=(
        Column(name="user_id", type="VARCHAR", description="User."),
        *_COMMON,
        Column(name="user_attributes", type="VARCHAR[]", description="name=value of the profile, sorted."),
        _count("user_num_requests", "Target-domain requests in the feature window."),
        _count("user_num_clicks", "Clicks in any domain in the feature window."),
        _count("user_num_purchases", "Purchases in any domain in the feature window."),
        Column(
            name="user_mean_log_price",
            type="DOUBLE",
            description="Mean ln(1 + price) of items acted on.",
            nullable=True,
        ),
    ),
)

ITEM_FEATURES = Table(
    schema="features",
    name="item_features",
    grain="One row per item and day on which the item is known.",
    key=("item_id", "feature_at"),
    columns=(
        Column(name="item_id", type="VARCHAR", description="Item."),
        *_COMMON,
        Column(name="title", type="VARCHAR", description="Title.", nullable=True),
        Column(name="category_id", type="VARCHAR", description="Category.", nullable=True),
        Column(name="brand_id", type="VARCHAR", description="Brand.", nullable=True),
        Column(name="shop_id", type="VARCHAR", description="Shop.", nullable=True),
        Column(name="price", type="DOUBLE", description="Price.", nullable=True),
        Column(name="item_attributes", type="VARCHAR[]", description="name=value of the item, sorted."),
        Column(name="item_age_days", type="DOUBLE", description="Days since the first version became valid."),
        _count("item_num_exposures", "Target-domain exposures in the feature window."),
        _count("item_num_clicks", "Native target-domain clicks in the feature window."),
        _count("item_num_purchases", "Purchases in any domain in the feature window."),
        _count("item_num_outside_clicks", "Clicks in other domains in the feature window."),
        Column(name="item_ctr", type="DOUBLE", description="Clicks per exposure, smoothed to the day's mean."),
    ),
)

QUERY_FEATURES = Table(
    schema="features",
    name="query_features",
    grain="One row per query and day on which the query is known.",
    key=("query_text", "feature_at"),
    columns=(
        Column(name="query_text", type="VARCHAR", description="Query, lower case, single spaces."),
        *_COMMON,
        _count("query_num_requests", "Requests with this query in the feature window."),
        _count("query_num_clicks", "Native clicks of these requests."),
        Column(name="query_ctr", type="DOUBLE", description="Clicks per exposure, smoothed to the day's mean."),
    ),
)

USER_SEQUENCES = Table(
    schema="features",
    name="user_sequences",
    grain="One row per user and day on which the user is known: the last actions in all domains, oldest first.",
    key=("user_id", "feature_at"),
    columns=(
        Column(name="user_id", type="VARCHAR", description="User."),
        *_COMMON,
        Column(name="history_items", type="VARCHAR[]", description="Items acted on."),
        Column(name="history_categories", type="VARCHAR[]", description="Their categories; '' if unknown."),
        Column(name="history_brands", type="VARCHAR[]", description="Their brands; '' if unknown."),
        Column(name="history_actions", type="VARCHAR[]", description="click, cart, favorite or purchase."),
        Column(name="history_domains", type="VARCHAR[]", description="Domain of the action."),
        Column(name="history_acted_at", type="BIGINT[]", description="Event time, seconds since 1970-01-01 UTC."),
    ),
)

FEATURE_TABLES: tuple[Table, ...] = (USER_FEATURES, ITEM_FEATURES, QUERY_FEATURES, USER_SEQUENCES)
