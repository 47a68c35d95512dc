"""A small world for the samples: requests, clicks and attributions that a person can check by eye."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa
from oracle_warehouse import normalised

from uniscale.contracts.days import Day, midnight_after
from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, EVENT_TABLES, ITEMS, REQUESTS
from uniscale.contracts.marts import (
    FCT_ATTRIBUTIONS,
    FCT_EXPOSURES,
    ITEM_VERSIONS,
    MART_TABLES,
    OUTSIDE_ACTIONS,
    QUERY_ITEM_STATS,
)
from uniscale.contracts.policy import Policy, load_policy
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.contracts.tasks import LABELS
from uniscale.es3.days import compute_day, prepare
from uniscale.es3.plan import Plan
from uniscale.lake import Lake
from uniscale.lake.macros import SEARCH_PATH, install_macros

DAY = date(2026, 1, 7)
YESTERDAY = datetime(2026, 1, 6)
DAY_ENDS = midnight_after(DAY)
TABLES = (*EVENT_TABLES, *MART_TABLES, SEQUENCES, SEQUENCE_LENGTHS, SAMPLES, OUTSIDE_CLICKS)


def at(hour: float, days: int = 0) -> datetime:
    """A time of DAY, or of a day so many days later."""
    return datetime(2026, 1, 7) + timedelta(days=days, hours=hour)


def policy(**changes) -> Policy:
    """The packaged policy with sections changed: ``policy(unexposed={"ratio": 1})``."""
    document = load_policy().model_dump()
    for section, values in changes.items():
        document[section] = {**document[section], **values}
    return Policy.model_validate(document)


def plan(the_policy: Policy | None = None, *, seed: int = 17, ds: date = DAY, train_days: int = 1) -> Plan:
    """A run whose labels are as known when ``ds`` ends."""
    days = [
        Day(ds=ds - timedelta(days=back), split="train", label_as_of=midnight_after(ds), is_final=False)
        for back in range(train_days - 1, -1, -1)
    ]
    return Plan(
        ds=ds,
        days=tuple(days),
        policy=the_policy or policy(),
        seed=seed,
        target_domain="search",
        last_eval_ds=days[-1].ds,
    )


@dataclass
class World:
    """Rows of the raw tables and marts; labels are as known at ``label_as_of``."""

    label_as_of: datetime = DAY_ENDS
    rows: dict[str, list[dict]] = field(default_factory=lambda: {table.qualified: [] for table in TABLES})

    def item(self, item_id, category_id, title, *, recorded_at=YESTERDAY):
        version = {
            "ds": recorded_at.date(),
            "item_id": item_id,
            "category_id": category_id,
            "title": title,
            "price": 10.0,
            "valid_from": recorded_at,
            "recorded_at": recorded_at,
        }
        self._add(ITEMS, **version)
        self._add(ITEM_VERSIONS, **version, known_from=recorded_at, first_valid_from=recorded_at)

    def request(
        self,
        request_id,
        user_id,
        requested_at,
        shown,
        unshown=(),
        *,
        domain="search",
        query=None,
        clicked=(),
        carted=(),
        bought=None,
    ):
        """A request with native clicks, carts and purchases (item to value), recorded half a minute later."""
        bought = bought or {}
        head = {"ds": requested_at.date(), "request_id": request_id}
        about = {"user_id": user_id, "domain": domain, "query_text": query, "requested_at": requested_at}
        self._add(REQUESTS, **head, **about)
        for place, item_id in enumerate((*shown, *unshown)):
            is_exposed = place < len(shown)
            row = {
                "item_id": item_id,
                "is_exposed": is_exposed,
                "position": place + 1 if is_exposed else None,
                "logged_score": None,
                "propensity": None,
            }
            self._add(CANDIDATES, **head, **row)
            labels = {
                **dict.fromkeys(LABELS, False),
                "is_clicked": item_id in clicked or item_id in bought,
                "is_carted": item_id in carted,
                "is_purchased": item_id in bought,
                "purchase_value": float(bought.get(item_id, 0)),
                "label_as_of": self.label_as_of,
                "is_final": False,
            }
            self._add(FCT_EXPOSURES, **head, **about, normalised_query=normalised(query), **row, **labels)
        follow = {"at": requested_at, "request_id": request_id, "domain": domain}
        for item_id in clicked:
            self.action(f"{request_id}-{item_id}", "click", user_id, item_id, **follow)
        for item_id in carted:
            self.action(f"{request_id}-{item_id}-cart", "cart", user_id, item_id, **follow)
        for item_id, value in bought.items():
            self.action(f"{request_id}-{item_id}-buy", "purchase", user_id, item_id, **follow, value=value)

    def action(
        self, action_id, action, user_id, item_id, *, at, request_id, domain="feed", value=None, recorded_at=None
    ):
        recorded_at = recorded_at or at + timedelta(seconds=30)
        self._add(
            ACTIONS_TABLE,
            ds=recorded_at.date(),
            action_id=action_id,
            user_id=user_id,
            item_id=item_id,
            action=action,
            acted_at=at,
            recorded_at=recorded_at,
            domain=domain,
            request_id=request_id,
            quantity=None if value is None else 1,
            unit_price=value,
        )

    def attribution(
        self,
        action_id,
        action,
        request_id,
        item_id,
        *,
        target="exposed",
        value=0.0,
        weight=1.0,
        ds=DAY,
        recorded_at=None,
    ):
        self._add(
            FCT_ATTRIBUTIONS,
            ds=ds,
            action_id=action_id,
            action=action,
            action_domain="feed",
            user_id="u",
            request_id=request_id,
            item_id=item_id,
            target=target,
            acted_at=at(20),
            recorded_at=recorded_at or at(20),
            delay_hours=1.0,
            action_value=value,
            label_weight=weight,
            policy_version=policy().version,
            label_as_of=self.label_as_of,
            is_final=False,
        )

    def statistic(self, query, category_id, num_clicks, *, confidence=0.9, ds=DAY):
        self._add(
            QUERY_ITEM_STATS,
            ds=ds,
            query_text=query,
            category_id=category_id,
            num_clicks=num_clicks,
            num_query_clicks=num_clicks,
            num_category_clicks=num_clicks,
            confidence=confidence,
        )

    def _add(self, table, **values):
        self.rows[table.qualified].append(values)

    def _rows(self, table):
        return self._outside_actions() if table is OUTSIDE_ACTIONS else self.rows[table.qualified]

    def _outside_actions(self):
        """The mart of the actions and requests, as the warehouse makes it."""
        requests = {row["request_id"]: row for row in self.rows[REQUESTS.qualified]}
        found = []
        for row in self.rows[ACTIONS_TABLE.qualified]:
            request = requests.get(row["request_id"])
            is_native = row["request_id"] and (request or row)["domain"] == "search"
            if row["action"] in ("click", "purchase") and not is_native:
                followed = {"request_id": request and row["request_id"], "request_ds": request and request["ds"]}
                value = (row["quantity"] or 1) * (row["unit_price"] or 0.0) if row["action"] == "purchase" else 0.0
                found.append({**row, **followed, "action_value": value})
        return found

    def _fill(self, con, table):
        rows = self._rows(table)
        if rows:
            names = {name for row in rows for name in row}
            con.register("added", pa.table({n: [r.get(n) for r in rows] for n in table.column_names if n in names}))
            con.execute(f"insert into lake.{table.qualified} by name from added")

    def connection(self) -> duckdb.DuckDBPyConnection:
        """An in-memory database that has the tables where a lake has them."""
        con = duckdb.connect()
        con.execute("set timezone = 'UTC'; set threads = 1; attach ':memory:' as lake")
        con.execute(f"set search_path = '{SEARCH_PATH}'")
        install_macros(con)
        for schema in sorted({table.schema for table in TABLES}):
            con.execute(f"create schema lake.{schema}")
        for table in TABLES:
            con.execute(table.ddl())
            self._fill(con, table)
        return con

    def write(self, lake: Lake) -> None:
        """Replace the whole content of the tables in a real lake."""

        def work(con):
            for table in TABLES:
                if table in (SAMPLES, SEQUENCES, SEQUENCE_LENGTHS, OUTSIDE_CLICKS):
                    continue
                Lake.create(con, table)
                con.execute(f"delete from lake.{table.qualified}")
                self._fill(con, table)

        lake.commit(work, "a small world")


def sampled(world: World, the_plan: Plan | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to the world that holds the samples of the days of the plan."""
    the_plan = the_plan or plan()
    con = world.connection()
    prepare(con, the_plan)
    for day in the_plan.days:
        compute_day(con, the_plan, day)
    con.execute(f"insert into lake.{SAMPLES.qualified} from records")
    con.execute(f"insert into lake.{OUTSIDE_CLICKS.qualified} from outside_fates")
    return con


def records(world: World, the_plan: Plan | None = None) -> dict[str, dict]:
    """Samples of the last day of the plan by sample_id; `lists` are zipped to one dict per item under ``items``."""
    the_plan = the_plan or plan()
    con = world.connection()
    prepare(con, the_plan)
    compute_day(con, the_plan, the_plan.days[-1])
    return as_records(con.execute("from records order by sample_id").to_arrow_table().to_pylist())


def as_records(rows: list[dict]) -> dict[str, dict]:
    lists = [column.name for column in SAMPLES.columns if column.type.endswith("[]")]
    result = {}
    for row in rows:
        row["items"] = {
            values[0]: dict(zip(lists[1:], values[1:], strict=True))
            for values in zip(*(row[name] for name in lists), strict=True)
        }
        result[row["sample_id"]] = row
    return result
