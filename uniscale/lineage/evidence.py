"""What was logged and decided about one sample: its request, candidates, actions, and the statistic of its query."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, REQUESTS
from uniscale.contracts.marts import FCT_ATTRIBUTIONS, QUERY_ITEM_STATS
from uniscale.contracts.samples import SAMPLES, SYNTHETIC_MARK
from uniscale.contracts.schema import Table
from uniscale.lake.lake import table_has

NO_ACTIONS: dict[str, list[dict[str, Any]]] = {"native_actions": [], "outside_actions": []}


def request(con: duckdb.DuckDBPyConnection, facts: dict[str, Any]) -> dict[str, Any] | None:
    """The raw request a sample was made from, or None if the log no longer has it."""
    found = _rows(con, REQUESTS, "request_id = $request_id", {"request_id": facts["request_id"]})
    return found[0] if found else None


def candidates(con: duckdb.DuckDBPyConnection, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The raw candidates of the request: the shown ones by position, then the others by item."""
    where = "ds = $ds and request_id = $request_id order by position nulls last, item_id"
    return _rows(con, CANDIDATES, where, {"ds": facts["ds"], "request_id": facts["request_id"]})


def actions(con: duckdb.DuckDBPyConnection, facts: dict[str, Any]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """By item: actions within the request, and actions outside it whose label attribution gave to its row.

    Only what was recorded before the sample's ``label_as_of``. For a synthetic sample the actions within the request
    are the clicks it was made from.
    """
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}

    def put(kind: str, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            found.setdefault(row["item_id"], {"native_actions": [], "outside_actions": []})[kind].append(row)

    asked = {name: facts[name] for name in ("ds", "request_id", "user_id", "label_as_of")}
    native = (
        "ds between $ds and $label_as_of::date and request_id = $request_id and user_id = $user_id "
        "and recorded_at < $label_as_of order by acted_at, action_id"
    )
    put("native_actions", _rows(con, ACTIONS_TABLE, native, asked))
    if facts["query_tier"] == 0:
        where = "ds = $ds and request_id = $request_id order by acted_at, action_id"
        outside = _rows(con, FCT_ATTRIBUTIONS, where, {name: asked[name] for name in ("ds", "request_id")})
        logged = {
            row["action_id"]: row
            for row in _rows(
                con,
                ACTIONS_TABLE,
                "ds between $ds and $label_as_of::date and action_id in (select unnest($ids::varchar[]))",
                {
                    "ds": facts["ds"],
                    "label_as_of": facts["label_as_of"],
                    "ids": [row["action_id"] for row in outside],
                },
            )
        }
        put("outside_actions", [{**row, "logged": logged.get(row["action_id"])} for row in outside])
    return found


def statistic(con: duckdb.DuckDBPyConnection, facts: dict[str, Any]) -> dict[str, Any] | None:
    """For a synthetic sample: the category it stands for, and the statistic of its query for it on the day."""
    if facts["query_tier"] == 0:
        return None
    category = facts["sample_id"].removeprefix(facts["request_id"] + SYNTHETIC_MARK)
    where = "ds = $ds and query_text = $query_text and category_id = $category_id"
    asked = {"ds": facts["ds"], "query_text": facts["query_text"], "category_id": category}
    found = _rows(con, QUERY_ITEM_STATS, where, asked)
    return {"category_id": category, "statistic": found[0] if found else None}


def advice(con: duckdb.DuckDBPyConnection, sample_id: str, ds: date | None) -> str:
    """What to tell somebody whose sample is not there."""
    what = f"es3.samples has no sample {sample_id!r}" + ("" if ds is None else f" on {ds}")
    held = None
    if table_has(con, SAMPLES):
        held = con.execute(f"select min(ds), max(ds) from lake.{SAMPLES.qualified}").fetchone()
    if held is None or held[0] is None:
        return f"{what}: it has no sample at all; build them first: uniscale build DS"
    request_row = _rows(con, REQUESTS, "request_id = $request_id", {"request_id": sample_id})
    if request_row:
        row = request_row[0]
        return (
            f"{what}, but a {row['domain']} request of {row['ds']} has this identifier. Samples are made of the target "
            f"domain's requests on training days ({held[0]}..{held[1]}) and of clicks in other domains, and are then "
            f"called {sample_id}{SYNTHETIC_MARK}CATEGORY"
        )
    close = con.execute(
        f"select sample_id from lake.{SAMPLES.qualified} where ds = coalesce(?, ds) "
        "order by jaro_winkler_similarity(sample_id, ?) desc, sample_id limit 3",
        [ds, sample_id],
    ).fetchall()
    named = ", ".join(row[0] for row in close)
    return f"{what}; it holds samples of {held[0]}..{held[1]}" + (f", the closest are {named}" if named else "")


def _rows(con: duckdb.DuckDBPyConnection, table: Table, where: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries; none if the table is not there."""
    if not table_has(con, table):
        return []
    names = table.column_names
    rows = con.execute(f"select {', '.join(names)} from lake.{table.qualified} where {where}", values).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]
