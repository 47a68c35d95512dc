"""What a day carries over from all days before it, so that the next day's work does not grow with the age of the log.

A partition says what was known when its day had ended. It is made from an earlier partition and the days since, or
from the whole log, with the same rows; the newest ones alone are kept.
"""

from __future__ import annotations

from uniscale.contracts.events import ACTIONS
from uniscale.contracts.schema import Column, Table

_DS = Column(name="ds", type="DATE", description="UTC day at whose end this was known; the partition.")
_FIRST_SEEN = Column(name="first_seen_ds", type="DATE", description="UTC day whose log named it first.")


def _seen(name: str, key: str, what: str, grain: str) -> Table:
    named = Column(name=key, type="VARCHAR", description=what)
    return Table(schema="carried", name=name, grain=grain, key=("ds", key), columns=(_DS, named, _FIRST_SEEN))


USERS_SEEN = _seen("users_seen", "user_id", "User.", "One row per user with a request or an action so far.")

ITEMS_SEEN = _seen("items_seen", "item_id", "Item.", "One row per item that was shown or acted on so far.")

QUERIES_SEEN = _seen(
    "queries_seen",
    "query_text",
    "Query, lower case, single spaces.",
    "One row per query that was asked in the target domain so far.",
)

NEWEST_ACTIONS = Table(
    schema="carried",
    name="newest_actions",
    grain="One row per user and action, of the user's newest actions (features.history_length).",
    key=("ds", "user_id", "action_id"),
    columns=(
        _DS,
        Column(name="user_id", type="VARCHAR", description="User."),
        Column(name="action_id", type="VARCHAR", description="Action."),
        Column(name="item_id", type="VARCHAR", description="Item acted on."),
        Column(name="action", type="VARCHAR", description="What the user did.", allowed=ACTIONS),
        Column(name="domain", type="VARCHAR", description="Domain of the action."),
        Column(name="acted_at", type="TIMESTAMP", description="UTC time of the action."),
        Column(name="known_at", type="TIMESTAMP", description="UTC time from which on the action counts."),
    ),
)

CARRIED_TABLES: tuple[Table, ...] = (USERS_SEEN, ITEMS_SEEN, QUERIES_SEEN, NEWEST_ACTIONS)
