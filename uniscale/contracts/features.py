"""Feature tables: versions per entity, each valid from the moment at which everything in it was known.

A daily version is stamped ``feature_at`` = ``ds`` + 1 day 00:00 and uses only events recorded before that time; a
version of ``user_fresh_actions`` is stamped with the moment at which an action became known. A point-in-time join at
a request's time therefore sees nothing the platform did not know.

A new feature is one column here, one expression in its dbt model, and ``make dbt-yml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from uniscale.contracts.events import ONE_ACTION
from uniscale.contracts.schema import Column, Table

FEATURE_WINDOWS = (1, 7, 30)
"""Days that windowed counts look back, shortest first; everything else that is counted looks back the longest one."""

MAX_CATEGORIES = 5
"""Categories that a user or a query is described by, the largest shares first."""

MAX_FRESH_ACTIONS = 100
"""Actions of one day that a user's fresh actions keep at least, the newest ones; more where histories are longer."""

_DAILY_FRESH_HOURS = 26

REQUEST_SERVICE = "ranker_request_v3"
HISTORY_SERVICE = "ranker_history_v1"
ITEM_SERVICE = "ranker_item_v2"
PAIR_SERVICE = "ranker_pair_v2"
FEATURE_SERVICES = (REQUEST_SERVICE, HISTORY_SERVICE, ITEM_SERVICE, PAIR_SERVICE)
"""What a ranker reads: once per request, of the user's actions, per item, and per user and category of an item.

Training reads actions from the sequences that all samples share, in place of the second service.

A new column joins the services as they are: a trained model reads its inputs by name. A column that goes or changes its
meaning is a new version of its service, and a model trained on the old one is refused.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureTable(Table):
    """A table of versions per entity.

    Attributes:
        description: What the table says about its entity.
        fresh_hours: Hours after ``feature_at`` by which the next version must be there; None promises nothing.
    """

    description: str
    fresh_hours: int | None

    @property
    def join_keys(self) -> tuple[str, ...]:
        """Columns that name the entity: the key without the time of the version."""
        return tuple(name for name in self.key if name != "feature_at")

    @property
    def features(self) -> tuple[Column, ...]:
        """Columns that describe the entity: all but its key and the times of the version."""
        names = {*self.key, *(column.name for column in _DAILY)}
        return tuple(column for column in self.columns if column.name not in names)


def _version(ds: str, feature_at: str) -> tuple[Column, ...]:
    return (
        Column(name="ds", type="DATE", description=ds),
        Column(name="feature_at", type="TIMESTAMP", description=feature_at),
        Column(name="recorded_at", type="TIMESTAMP", description="Knowledge time of the version; equals feature_at."),
    )


def _text(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name=name, type="VARCHAR", description=description, nullable=nullable)


def _list(name: str, type: Literal["VARCHAR[]", "DOUBLE[]", "BIGINT[]"], description: str) -> Column:
    return Column(name=name, type=type, description=description)


def _count(name: str, description: str) -> Column:
    return Column(name=name, type="BIGINT", description=description, minimum=0, model_input="log")


def _windowed(name: str, description: str) -> tuple[Column, ...]:
    return tuple(
        _count(f"{name}_{days}d", f"{description} in the last {days} day{'s' if days > 1 else ''}.")
        for days in FEATURE_WINDOWS
    )


def _value(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name=name, type="DOUBLE", description=description, minimum=0, nullable=nullable, model_input="value")


def _moment(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(
        name=name,
        type="BIGINT",
        description=f"{description}; seconds since 1970-01-01 UTC.",
        nullable=nullable,
        model_input="age",
    )


_DAILY = _version("Last UTC day whose events are used.", "Midnight UTC that ends ds: from then on the values hold.")

USER_FEATURES = FeatureTable(
    schema="features",
    name="user_features",
    description="Who a user is and what the user did lately.",
    grain="One row per user and day on which the user may have changed.",
    key=("user_id", "feature_at"),
    fresh_hours=_DAILY_FRESH_HOURS,
    columns=(
        _text("user_id", "User."),
        *_DAILY,
        _list("user_attributes", "VARCHAR[]", "name=value of the profile, sorted."),
        *_windowed("user_num_requests", "Target-domain requests"),
        *_windowed("user_num_clicks", "Clicks in any domain"),
        *_windowed("user_num_purchases", "Purchases in any domain"),
        _value("user_mean_log_price", "Mean ln(1 + price) of items acted on in 30 days.", nullable=True),
        _list(
            "user_categories",
            "VARCHAR[]",
            f"Up to {MAX_CATEGORIES} categories of the actions of 30 days, largest share first, then by name.",
        ),
        _list("user_category_shares", "DOUBLE[]", "Their shares of the actions whose category is known."),
    ),
)

ITEM_FEATURES = FeatureTable(
    schema="features",
    name="item_features",
    description="What an item is and how it fared lately.",
    grain="One row per item and day on which the item may have changed.",
    key=("item_id", "feature_at"),
    fresh_hours=_DAILY_FRESH_HOURS,
    columns=(
        _text("item_id", "Item."),
        *_DAILY,
        _text("title", "Title.", nullable=True),
        _text("category_id", "Category.", nullable=True),
        _text("brand_id", "Brand.", nullable=True),
        _text("shop_id", "Shop.", nullable=True),
        Column(name="price", type="DOUBLE", description="Price.", nullable=True, minimum=0, model_input="log"),
        _list("item_attributes", "VARCHAR[]", "name=value of the item, sorted."),
        _moment("item_listed_at", "When the first known version became valid, or the first day it was seen in the log"),
        _count("item_num_exposures", "Target-domain exposures in 30 days."),
        _count("item_num_clicks", "Native target-domain clicks in 30 days."),
        _count("item_num_purchases", "Purchases in any domain in 30 days."),
        _count("item_num_outside_clicks", "Clicks in other domains in 30 days."),
        _value("item_ctr", "Native clicks per exposure in the target domain, smoothed to the day's mean."),
        _value("item_cvr", "Native purchases per native click in the target domain, smoothed to the day's mean."),
        _list("item_domains", "VARCHAR[]", "Domains in which it was exposed in 30 days, sorted by name."),
        _list("item_domain_ctrs", "DOUBLE[]", "Their native clicks per exposure, smoothed to the domain's mean."),
        _list("item_domain_cvrs", "DOUBLE[]", "Their native purchases per click, smoothed to the domain's mean."),
        _moment("item_last_acted_at", "Newest action in any domain in 30 days", nullable=True),
        Column(
            name="item_previous_price",
            type="DOUBLE",
            description="Price before the last change of price.",
            nullable=True,
            minimum=0,
        ),
        _moment("item_price_changed_at", "Last change of price", nullable=True),
        _count("item_num_price_changes", "Changes of price in 30 days."),
    ),
)

QUERY_FEATURES = FeatureTable(
    schema="features",
    name="query_features",
    description="How often a query is asked, clicked and bought from.",
    grain="One row per query and day on which the query may have changed.",
    key=("query_text", "feature_at"),
    fresh_hours=_DAILY_FRESH_HOURS,
    columns=(
        _text("query_text", "Query, lower case, single spaces."),
        *_DAILY,
        *_windowed("query_num_requests", "Requests with this query"),
        _count("query_num_clicks", "Native clicks of its requests in 30 days."),
        _count("query_num_purchases", "Native purchases of its requests in 30 days."),
        _value("query_ctr", "Native clicks per exposure, smoothed to the day's mean."),
        _value("query_cvr", "Native purchases per native click, smoothed to the day's mean."),
        _list(
            "query_categories",
            "VARCHAR[]",
            f"Up to {MAX_CATEGORIES} categories of the clicks of 30 days, largest share first, then by name.",
        ),
        _list("query_category_shares", "DOUBLE[]", "Their shares of the clicks whose category is known."),
    ),
)

USER_CATEGORY_FEATURES = FeatureTable(
    schema="features",
    name="user_category_features",
    description="What a user did with a category lately.",
    grain="One row per user, category and day on which the user may have changed in it.",
    key=("user_id", "category_id", "feature_at"),
    fresh_hours=_DAILY_FRESH_HOURS,
    columns=(
        _text("user_id", "User."),
        _text("category_id", "Category."),
        *_DAILY,
        _count("user_category_num_actions", "Actions in any domain in 30 days."),
        _count("user_category_num_clicks", "Clicks in any domain in 30 days."),
        _count("user_category_num_purchases", "Purchases in any domain in 30 days."),
        _value("user_category_share", "Share of the user's actions whose category is known."),
        _moment("user_category_last_acted_at", "Newest action of the user in the category in 30 days", nullable=True),
    ),
)

USER_SEQUENCES = FeatureTable(
    schema="features",
    name="user_sequences",
    description="Behaviour of a user in all domains: the newest actions, in the order in which they became known.",
    grain="One row per user and day on which the user is known.",
    key=("user_id", "feature_at"),
    fresh_hours=_DAILY_FRESH_HOURS,
    columns=(
        _text("user_id", "User."),
        *_DAILY,
        _list("history_items", "VARCHAR[]", "Items acted on."),
        _list("history_categories", "VARCHAR[]", "Their categories as known when the day of recorded_at ended."),
        _list("history_brands", "VARCHAR[]", "Their brands as known then; '' if unknown."),
        _list("history_actions", "VARCHAR[]", f"{ONE_ACTION}."),
        _list("history_domains", "VARCHAR[]", "Domain of the action."),
        _list("history_acted_at", "BIGINT[]", "Event time, seconds since 1970-01-01 UTC."),
        Column(
            name="history_known_until",
            type="BIGINT",
            description="feature_at in microseconds since 1970-01-01 UTC: every action recorded before is counted in.",
        ),
    ),
)

USER_FRESH_ACTIONS = FeatureTable(
    schema="features",
    name="user_fresh_actions",
    description="Actions of a user recorded on the day of the version up to its moment, oldest knowledge first.",
    grain="One row per user and moment at which an action of the user became known.",
    key=("user_id", "feature_at"),
    fresh_hours=None,
    columns=(
        _text("user_id", "User."),
        *_version("UTC day of feature_at.", "Moment at which the newest of the actions became known."),
        _list("fresh_action_ids", "VARCHAR[]", f"Actions; at least the newest {MAX_FRESH_ACTIONS} of a day."),
        _list("fresh_items", "VARCHAR[]", "Items acted on."),
        _list("fresh_categories", "VARCHAR[]", "Their categories as known when the day began; '' if unknown."),
        _list("fresh_brands", "VARCHAR[]", "Their brands as known when the day began; '' if unknown."),
        _list("fresh_actions", "VARCHAR[]", f"{ONE_ACTION}."),
        _list("fresh_domains", "VARCHAR[]", "Domain of the action."),
        _list("fresh_acted_at", "BIGINT[]", "Event time, seconds since 1970-01-01 UTC."),
        _list("fresh_known_at", "BIGINT[]", "When the action became known, microseconds since 1970-01-01 UTC."),
    ),
)

FEATURE_TABLES: tuple[FeatureTable, ...] = (
    USER_FEATURES,
    ITEM_FEATURES,
    QUERY_FEATURES,
    USER_CATEGORY_FEATURES,
    USER_SEQUENCES,
    USER_FRESH_ACTIONS,
)

FRESH_HOURS = min(table.fresh_hours for table in FEATURE_TABLES if table.fresh_hours is not None)
"""Age in hours that daily values may have when they are served: by then the next ones must be there."""
