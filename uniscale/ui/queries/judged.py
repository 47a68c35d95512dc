"""Metrics, decisions and champions of all days."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from uniscale.contracts.outcomes import CHAMPIONS, DECISIONS, METRICS
from uniscale.lake.lake import table_has

Row = dict[str, Any]
ByMetric = dict[str, dict[str, Row]]
"""Rows of ``ml.metrics`` by metric and role."""


def rows_of(con: duckdb.DuckDBPyConnection, query: str, values: list[Any] | None = None) -> list[Row]:
    """Answer of a query as plain values."""
    found: list[Row] = con.execute(query, values or []).to_arrow_table().to_pylist()
    return found


def metrics_of_days(con: duckdb.DuckDBPyConnection, first: date | None = None) -> dict[date, ByMetric]:
    """Metrics of all days from ``first`` on, by day, metric and role."""
    if not table_has(con, METRICS):
        return {}
    where = "" if first is None else f"where ds >= date '{first}'"
    found: dict[date, ByMetric] = {}
    for row in rows_of(con, f"from lake.{METRICS.qualified} {where} order by ds, metric, role"):
        found.setdefault(row["ds"], {}).setdefault(row["metric"], {})[row["role"]] = row
    return found


def metrics_of_day(con: duckdb.DuckDBPyConnection, ds: date) -> ByMetric:
    """Metrics of one day by metric and role; empty if it was not judged."""
    if not table_has(con, METRICS):
        return {}
    found: ByMetric = {}
    for row in rows_of(con, f"from lake.{METRICS.qualified} where ds = ? order by metric, role", [ds]):
        found.setdefault(row["metric"], {})[row["role"]] = row
    return found


def decisions(con: duckdb.DuckDBPyConnection) -> dict[date, Row]:
    """Every day's decision, in order; ``evidence`` is read."""
    if not table_has(con, DECISIONS):
        return {}
    rows = rows_of(con, f"from lake.{DECISIONS.qualified} order by ds")
    return {row["ds"]: {**row, "evidence": json.loads(row["evidence"])} for row in rows}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reign:
    """A version that became champion.

    Attributes:
        version: Its number.
        since: When it began to serve; None where no record says so.
        how: What made it champion.
        ds: Day of the run that decided; None by hand.
        reason: Why.
        replaced: Who served before.
    """

    version: str
    since: datetime | None
    how: str
    ds: date | None
    reason: str
    replaced: str | None


def reigns(con: duckdb.DuckDBPyConnection) -> list[Reign]:
    """Changes of the champion, newest first."""
    if not table_has(con, CHAMPIONS):
        return []
    rows = rows_of(con, f"from lake.{CHAMPIONS.qualified} order by changed_at desc")
    return [Reign(since=row.pop("changed_at"), **row) for row in rows]


def trained_to(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, date]]:
    """By version its name and the last day it was trained on: the first run that judged it."""
    if not table_has(con, METRICS):
        return {}
    rows = con.execute(
        f"select model_version, arg_min(model_name, ds), min(ds) from lake.{METRICS.qualified} group by 1"
    ).fetchall()
    return {version: (name, ds) for version, name, ds in rows}
