"""Small event logs that a person can check by eye, landed straight into a lake."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pyarrow as pa

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.contracts.schema import Table
from uniscale.lake import Lake

TABLES = {"users": USERS, "items": ITEMS, "requests": REQUESTS, "candidates": CANDIDATES, "actions": ACTIONS_TABLE}
_ARROW = {
    "DATE": pa.date32(),
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "BOOLEAN": pa.bool_(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
}


def arrow_schema(table: Table) -> pa.Schema:
    return pa.schema([(column.name, _ARROW[column.type]) for column in table.columns])


def moment(text: str) -> datetime:
    """'05 10:30' is half past ten of 2026-01-05."""
    return datetime.fromisoformat(f"2026-01-{text}")


def day(number: int) -> date:
    return date(2026, 1, number)


@dataclass
class Log:
    """Rows of the event contract, as dictionaries."""

    users: list[dict] = field(default_factory=list)
    items: list[dict] = field(default_factory=list)
    requests: list[dict] = field(default_factory=list)
    candidates: list[dict] = field(default_factory=list)
    actions: list[dict] = field(default_factory=list)

    def user(self, user_id, valid_from, recorded_at=None, **attributes):
        known = recorded_at or valid_from
        self.users.append(
            {
                "ds": known.date(),
                "user_id": user_id,
                "valid_from": valid_from,
                "recorded_at": known,
                "attributes": list(attributes.items()) or None,
            }
        )

    def item(self, item_id, valid_from, recorded_at=None, *, attributes=None, **columns):
        known = recorded_at or valid_from
        self.items.append(
            {
                "ds": known.date(),
                "item_id": item_id,
                "title": f"title of {item_id}",
                "category_id": None,
                "brand_id": None,
                "shop_id": None,
                "price": None,
                "valid_from": valid_from,
                "recorded_at": known,
                "attributes": list((attributes or {}).items()) or None,
                **columns,
            }
        )

    def request(self, request_id, user_id, requested_at, *, exposed=(), unexposed=(), domain="search", query=None):
        self.requests.append(
            {
                "ds": requested_at.date(),
                "request_id": request_id,
                "user_id": user_id,
                "domain": domain,
                "query_text": query,
                "requested_at": requested_at,
                "attributes": None,
            }
        )
        for place, item_id in enumerate([*exposed, *unexposed], start=1):
            shown = place <= len(exposed)
            self.candidates.append(
                {
                    "ds": requested_at.date(),
                    "request_id": request_id,
                    "item_id": item_id,
                    "is_exposed": shown,
                    "position": place if shown else None,
                    "logged_score": 1.0 / place,
                    "propensity": None,
                }
            )

    def act(
        self,
        action_id,
        user_id,
        item_id,
        action,
        acted_at,
        *,
        late=timedelta(0),
        request_id=None,
        domain="feed",
        value=None,
    ):
        recorded_at = acted_at + late
        self.actions.append(
            {
                "ds": recorded_at.date(),
                "action_id": action_id,
                "user_id": user_id,
                "item_id": item_id,
                "action": action,
                "acted_at": acted_at,
                "recorded_at": recorded_at,
                "domain": domain,
                "request_id": request_id,
                "quantity": 1 if action == "purchase" else None,
                "unit_price": (value or 10.0) if action == "purchase" else None,
            }
        )

    def land(self, lake: Lake) -> None:
        """Replace the lake's raw tables by this log."""

        def work(con):
            for name, table in TABLES.items():
                con.register("rows_to_land", pa.Table.from_pylist(getattr(self, name), schema=arrow_schema(table)))
                Lake.replace(con, table, "true", "rows_to_land")
                con.unregister("rows_to_land")

        lake.commit(work, "test log")


def rows(lake: Lake, sql: str) -> list[tuple]:
    with lake.read() as con:
        return con.execute(sql).fetchall()
