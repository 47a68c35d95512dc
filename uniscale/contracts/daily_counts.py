"""What became known on a day, counted: windows of many days sum these counts and do not read the log again.

A row counts events of one day that became known on one day. So a sum over the days of a window, as far as they were
known by some day, is what was known of the window then. Days that no feature window reaches any more are dropped.
"""

from __future__ import annotations

from uniscale.contracts.schema import Column, Table

_DS = Column(name="ds", type="DATE", description="UTC day on which the events became known; the partition.")
_EVENT_DS = Column(name="event_ds", type="DATE", description="UTC day of the events.")
_USER_ID = Column(name="user_id", type="VARCHAR", description="User.")
_ITEM_ID = Column(name="item_id", type="VARCHAR", description="Item.")
_REQUEST_DAY = "on the day of the request, as its exposure"
_LAST_ACTED_AT = Column(name="last_acted_at", type="TIMESTAMP", description="UTC time of the newest of the actions.")


def _counted(name: str, description: str) -> Column:
    return Column(name=name, type="BIGINT", description=description)


ITEM_DOMAIN_COUNTS = Table(
    schema="daily",
    name="item_domain_counts",
    grain="One row per day, item, domain and day of the events.",
    key=("ds", "item_id", "domain", "event_ds"),
    columns=(
        _DS,
        _ITEM_ID,
        Column(name="domain", type="VARCHAR", description="Domain of the requests."),
        _EVENT_DS,
        _counted("num_exposures", "Requests that showed the item."),
        _counted("num_clicks", f"Requests in which it was clicked or bought, {_REQUEST_DAY}."),
        _counted("num_purchases", f"Requests in which it was bought, {_REQUEST_DAY}."),
    ),
)

ITEM_COUNTS = Table(
    schema="daily",
    name="item_counts",
    grain="One row per day, item and day of the events.",
    key=("ds", "item_id", "event_ds"),
    columns=(
        _DS,
        _ITEM_ID,
        _EVENT_DS,
        _counted("num_purchases", "Purchases in any domain."),
        _counted("num_outside_clicks", "Clicks in other domains than the target's."),
        _LAST_ACTED_AT,
    ),
)

QUERY_COUNTS = Table(
    schema="daily",
    name="query_counts",
    grain="One row per day, query, category and day of the events.",
    key=("ds", "query_text", "category_id", "event_ds"),
    columns=(
        _DS,
        Column(name="query_text", type="VARCHAR", description="Query of the target domain, lower case, single spaces."),
        Column(
            name="category_id",
            type="VARCHAR",
            description="Of clicks, the category of the item as known when the click was; else, or if unknown, NULL.",
            nullable=True,
        ),
        _EVENT_DS,
        _counted("num_requests", "Searches."),
        _counted("num_exposures", "Items that searches showed."),
        _counted("num_clicks", f"Items clicked or bought in searches, {_REQUEST_DAY}."),
        _counted("num_purchases", f"Items bought in searches, {_REQUEST_DAY}."),
    ),
)

USER_COUNTS = Table(
    schema="daily",
    name="user_counts",
    grain="One row per day, user and day of the events.",
    key=("ds", "user_id", "event_ds"),
    columns=(
        _DS,
        _USER_ID,
        _EVENT_DS,
        _counted("num_requests", "Requests in the target domain."),
        _counted("num_clicks", "Clicks in any domain."),
        _counted("num_purchases", "Purchases in any domain."),
        _counted("num_prices", "Actions on items whose price was known when the user acted."),
        Column(name="sum_log_price", type="DECIMAL(38,9)", description="Sum of ln(1 + price) of these."),
    ),
)

USER_CATEGORY_COUNTS = Table(
    schema="daily",
    name="user_category_counts",
    grain="One row per day, user, category and day of the events.",
    key=("ds", "user_id", "category_id", "event_ds"),
    columns=(
        _DS,
        _USER_ID,
        Column(name="category_id", type="VARCHAR", description="Category of the items as known when the user acted."),
        _EVENT_DS,
        _counted("num_actions", "Actions."),
        _counted("num_clicks", "Clicks."),
        _counted("num_purchases", "Purchases."),
        _LAST_ACTED_AT,
    ),
)

DAILY_TABLES: tuple[Table, ...] = (
    ITEM_DOMAIN_COUNTS,
    ITEM_COUNTS,
    QUERY_COUNTS,
    USER_COUNTS,
    USER_CATEGORY_COUNTS,
)
