"""The samples of one day, computed in temporary tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from uniscale.contracts.days import Day
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.samples import SAMPLES
from uniscale.es3.maturity import ACTIONS
from uniscale.es3.plan import Plan
from uniscale.es3.queries import find_queries
from uniscale.es3.statements import run_files, run_sql, sql_text


def prepare(con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Make the connection ready for `compute_day`: functions, item versions, and the empty table ``records``."""
    run_files(con, ("macros", "items"), {"last_ds": plan.last_ds})
    columns = ", ".join(f'"{column.name}" {column.type}' for column in SAMPLES.columns)
    con.execute(f"create or replace temp table records ({columns})")


def compute_day(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    day: Day,
    *,
    searchify: bool = True,
    growth: Mapping[str, float] | None = None,
) -> dict[str, int]:
    """Add the samples of one day to the temporary table ``records``, which has the columns of `SAMPLES`.

    Args:
        con: A connection after `prepare`, with the raw tables and marts below the catalogue ``lake``.
        plan: The run.
        day: One of its training days.
        searchify: Whether stage C is done; a day without a click in another domain does not need it.
        growth: What an attributed label of the day is multiplied by, by action; default 1.

    Returns:
        Clicks in other domains that are in no synthetic request, by reason.
    """
    growth = growth or {}
    values = {**plan.values(day), **{f"{action}_growth": growth.get(action, 1.0) for action in ACTIONS}}
    run_files(con, ("unexposed", "labels"), values)
    dropped = {}
    if searchify:
        run_files(con, ("known_items", "outside"), values)
        find_queries(con, plan.policy.searchification, values)
        run_files(con, ("negatives",), values)
        dropped = dict(run_sql(con, sql_text("dropped"), values).fetchall())
    run_files(con, ("known_counts", "records"), values)
    return dropped


def outside_clicks_by_day(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[date, int]:
    """Clicked rows of other domains for every training day that has any request; days without one are left out."""
    rows = con.execute(
        f"select ds, count(*) filter (where domain <> ? and is_clicked) from lake.{FCT_EXPOSURES.qualified} "
        "where ds between ? and ? group by ds",
        [plan.target_domain, plan.first_ds, plan.last_ds],
    ).fetchall()
    return dict(rows)
