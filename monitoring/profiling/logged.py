"""What was landed of some days: requests, actions, versions of items and users, rejected rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import duckdb

from monitoring.profiling.scan import ITEM_FACTS, NO_LABELS, Rows, cell_of
from uniscale.contracts.events import ACTIONS_TABLE, ITEMS, QUARANTINE, REQUESTS, USERS
from uniscale.contracts.literals import identifier, in_days, quoted
from uniscale.contracts.marts import ITEM_VERSIONS
from uniscale.contracts.monitor import PROFILES
from uniscale.contracts.schema import Table
from uniscale.lake.lake import table_has


def logged(con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> Iterator[Rows]:
    """What was landed: requests, actions, versions of items and users, rejected rows."""
    found = {REQUESTS: _requests, ACTIONS_TABLE: _actions, ITEMS: _items, USERS: _users, QUARANTINE: _rejected}
    for table, rows in found.items():
        if table_has(con, table):
            yield rows(con, in_days(days))


def _requests(con: duckdb.DuckDBPyConnection, where: str) -> Rows:
    attributes = _attributes(con, REQUESTS, where)
    return Rows(
        stage="requests",
        sql=f"""
            select
                {cell_of(domain="domain")}, request_id as group_id, 1.0 as weight, {NO_LABELS},
                query_text, date_part('hour', requested_at) as hour{_listed(attributes)}
            from lake.{REQUESTS.qualified} where {where}
        """,
        columns={"query_text": "text", "hour": "number", **dict.fromkeys(attributes, "category")},
    )


def _actions(con: duckdb.DuckDBPyConnection, where: str) -> Rows:
    """A repeat is an action that the same user has done before on the item, in the same request, on this day."""
    del con
    return Rows(
        stage="actions",
        sql=f"""
            with versions as (select item_id, known_from, price, category_id from lake.{ITEM_VERSIONS.qualified})
            select
                {cell_of("a.ds", domain="a.domain")}, coalesce(a.request_id, a.action_id) as group_id, 1.0 as weight,
                {NO_LABELS}, a.action, a.quantity, a.unit_price, a.unit_price / nullif(v.price, 0) as price_ratio,
                v.category_id, a.request_id is not null as has_request,
                date_diff('second', a.acted_at, a.recorded_at) / 3600 as delay_hours,
                row_number() over (
                    partition by a.ds, a.user_id, a.item_id, a.action, a.request_id order by a.acted_at, a.action_id
                ) > 1 as is_repeat
            from (from lake.{ACTIONS_TABLE.qualified} where {where}) as a
            asof left join versions as v on a.item_id = v.item_id and a.acted_at >= v.known_from
        """,
        columns={
            "action": "category",
            "quantity": "number",
            "unit_price": "number",
            "price_ratio": "number",
            "category_id": "category",
            "has_request": "flag",
            "delay_hours": "number",
            "is_repeat": "flag",
        },
    )


def _items(con: duckdb.DuckDBPyConnection, where: str) -> Rows:
    attributes = _attributes(con, ITEMS, where)
    return Rows(
        stage="items",
        sql=f"""
            select
                {cell_of()}, item_id as group_id, 1.0 as weight, {NO_LABELS},
                {", ".join(ITEM_FACTS)}{_listed(attributes)}
            from lake.{ITEMS.qualified} where {where}
        """,
        columns={**ITEM_FACTS, **dict.fromkeys(attributes, "category")},
    )


def _users(con: duckdb.DuckDBPyConnection, where: str) -> Rows:
    attributes = _attributes(con, USERS, where)
    return Rows(
        stage="users",
        sql=f"""
            select {cell_of()}, user_id as group_id, 1.0 as weight, {NO_LABELS}{_listed(attributes)}
            from lake.{USERS.qualified} where {where}
        """,
        columns=dict.fromkeys(attributes, "category"),
    )


def _rejected(con: duckdb.DuckDBPyConnection, where: str) -> Rows:
    del con
    return Rows(
        stage="rejected",
        sql=f"""
            select
                {cell_of(provenance="table_name")}, file || row_number as group_id, 1.0 as weight, {NO_LABELS},
                column_name, reason,
                case when column_name = 'domain' then json_extract_string(row_json, '$.domain') end as domain_given
            from lake.{QUARANTINE.qualified} where {where}
        """,
        columns=dict.fromkeys(("column_name", "reason", "domain_given"), "category"),
    )


def _attributes(con: duckdb.DuckDBPyConnection, table: Table, where: str) -> Mapping[str, str]:
    """SQL of each attribute by the name of its column: those of the day, and those of the days before that are lost."""
    key = "'attributes.' || unnest(map_keys(attributes))"
    query = f"select distinct {key} as name from lake.{table.qualified} where {where}"
    if table_has(con, PROFILES):
        query += f"""
            union select distinct column_name from lake.{PROFILES.qualified}
            where stage = {quoted(table.name)} and column_name like 'attributes.%'
        """
    names = [name for (name,) in con.execute(f"from ({query}) order by name").fetchall()]
    return {name: f"attributes[{quoted(name.removeprefix('attributes.'))}]" for name in names}


def _listed(columns: Mapping[str, str]) -> str:
    return "".join(f", {sql} as {identifier(name)}" for name, sql in columns.items())
