"""The event contract: five tables that any shop can map its logs to.

Two clocks: *event time* (``requested_at``, ``acted_at``, ``valid_from``) says when something happened, *knowledge time*
(``recorded_at``) says when the platform could have known it. All timestamps are UTC. The lake adds ``ds``, the UTC day
a row became known (requests and candidates: the day of the request), which is the partition a daily log lands in.
"""

from __future__ import annotations

from uniscale.contracts.schema import Column, Table

ACTIONS = ("click", "cart", "favorite", "purchase")
ONE_ACTION = f"{', '.join(ACTIONS[:-1])} or {ACTIONS[-1]}"
"""The actions as a sentence names them."""

_DS = Column(name="ds", type="DATE", description="UTC day on which the row became known; the partition.")
_RECORDED_AT = Column(name="recorded_at", type="TIMESTAMP", description="UTC time from which the row could be known.")
_ATTRIBUTES = Column(
    name="attributes",
    type="MAP(VARCHAR, VARCHAR)",
    description="Further categorical facts, name to value; missing facts are left out.",
    nullable=True,
)

USERS = Table(
    schema="raw",
    name="users",
    grain="One row per version of a user.",
    key=("user_id", "valid_from"),
    columns=(
        _DS,
        Column(name="user_id", type="VARCHAR", description="User (household, visitor) identifier."),
        Column(name="valid_from", type="TIMESTAMP", description="UTC time from which this version holds, inclusive."),
        _RECORDED_AT,
        _ATTRIBUTES,
    ),
)

ITEMS = Table(
    schema="raw",
    name="items",
    grain="One row per version of an item.",
    key=("item_id", "valid_from"),
    columns=(
        _DS,
        Column(name="item_id", type="VARCHAR", description="Item (product, hotel) identifier."),
        Column(name="title", type="VARCHAR", description="Title shown to users.", nullable=True),
        Column(name="category_id", type="VARCHAR", description="Leaf category.", nullable=True),
        Column(name="brand_id", type="VARCHAR", description="Brand.", nullable=True),
        Column(name="shop_id", type="VARCHAR", description="Selling shop.", nullable=True),
        Column(name="price", type="DOUBLE", description="List price in the shop's currency.", nullable=True, minimum=0),
        Column(name="valid_from", type="TIMESTAMP", description="UTC time from which this version holds, inclusive."),
        _RECORDED_AT,
        _ATTRIBUTES,
    ),
)

REQUESTS = Table(
    schema="raw",
    name="requests",
    grain="One row per page request in any domain.",
    key=("request_id",),
    columns=(
        _DS,
        Column(name="request_id", type="VARCHAR", description="Request identifier, unique over all domains."),
        Column(name="user_id", type="VARCHAR", description="User who asked."),
        Column(name="domain", type="VARCHAR", description="Channel: search, feed, shop, mailer, ... (declared)."),
        Column(name="query_text", type="VARCHAR", description="What the user typed; search only.", nullable=True),
        Column(name="requested_at", type="TIMESTAMP", description="UTC time of the request."),
        _ATTRIBUTES,
    ),
)

CANDIDATES = Table(
    schema="raw",
    name="candidates",
    grain="One row per item considered for a request, shown or not.",
    key=("request_id", "item_id"),
    columns=(
        _DS,
        Column(name="request_id", type="VARCHAR", description="Request."),
        Column(name="item_id", type="VARCHAR", description="Item."),
        Column(name="is_exposed", type="BOOLEAN", description="Whether the item was shown."),
        Column(
            name="position",
            type="INTEGER",
            description="Place in the shown list, 1 is the top; NULL when not shown.",
            nullable=True,
            minimum=1,
        ),
        Column(name="logged_score", type="DOUBLE", description="Score of the logging policy.", nullable=True),
        Column(
            name="propensity",
            type="DOUBLE",
            description="Probability with which the logging policy showed the item, in (0, 1].",
            nullable=True,
            minimum=0,
        ),
    ),
)

ACTIONS_TABLE = Table(
    schema="raw",
    name="actions",
    grain="One row per user action on an item.",
    key=("action_id",),
    columns=(
        _DS,
        Column(name="action_id", type="VARCHAR", description="Action identifier."),
        Column(name="user_id", type="VARCHAR", description="User who acted."),
        Column(name="item_id", type="VARCHAR", description="Item acted on."),
        Column(name="action", type="VARCHAR", description="What the user did.", allowed=ACTIONS),
        Column(name="acted_at", type="TIMESTAMP", description="UTC time of the action."),
        _RECORDED_AT,
        Column(name="domain", type="VARCHAR", description="Channel in which the user acted."),
        Column(name="request_id", type="VARCHAR", description="Request it followed, if known.", nullable=True),
        Column(name="quantity", type="INTEGER", description="Units bought; purchases only.", nullable=True, minimum=1),
        Column(
            name="unit_price",
            type="DOUBLE",
            description="Price paid per unit; purchases only.",
            nullable=True,
            minimum=0,
        ),
    ),
)

EVENT_TABLES: tuple[Table, ...] = (USERS, ITEMS, REQUESTS, CANDIDATES, ACTIONS_TABLE)

QUARANTINE = Table(
    schema="raw",
    name="quarantine",
    grain="One row per rejected input row and reason.",
    key=("source", "table_name", "file", "row_number", "column_name", "reason"),
    partition=None,
    columns=(
        Column(
            name="ds", type="DATE", description="UTC day the row would have landed in, if it has one.", nullable=True
        ),
        Column(name="source", type="VARCHAR", description="Name of the ingested source."),
        Column(name="table_name", type="VARCHAR", description="Contract table the row was meant for."),
        Column(name="file", type="VARCHAR", description="File of the row; its whole path if it holds all days."),
        Column(name="row_number", type="BIGINT", description="Row in its file, first is 1."),
        Column(name="column_name", type="VARCHAR", description="Column at fault."),
        Column(name="reason", type="VARCHAR", description="What is wrong, in words."),
        Column(name="row_json", type="VARCHAR", description="The row as it came, as JSON."),
    ),
)
