"""The samples of one day, computed in temporary tables."""

from __future__ import annotations

import duckdb

from uniscale.contracts.days import Day
from uniscale.contracts.samples import SAMPLES
from uniscale.es3.plan import Plan
from uniscale.es3.statements import run_files, run_sql, sql_text


def prepare(con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Make the connection ready for `compute_day`: functions, item versions, and the empty table ``records``."""
    run_files(con, ("macros", "items"), {"last_ds": plan.ds})
    columns = ", ".join(f'"{column.name}" {column.type}' for column in SAMPLES.columns)
    con.execute(f"create or replace temp table records ({columns})")


def compute_day(con: duckdb.DuckDBPyConnection, plan: Plan, day: Day) -> dict[str, int]:
    """Add the samples of one day to the temporary table ``records``, which has the columns of `SAMPLES`.

    Args:
        con: A connection after `prepare`, with the raw tables and marts below the catalogue ``lake``.
        plan: The run.
        day: One of its training days.

    Returns:
        Clicks in other domains that are in no synthetic request, by reason.
    """
    values = plan.values(day)
    run_files(con, ("unexposed", "labels"), values)
    dropped = {}
    if _has_outside_clicks(con, plan, day):
        run_files(con, ("outside", "queries", "negatives"), values)
        dropped = dict(run_sql(con, sql_text("dropped"), values).fetchall())
    run_files(con, ("records",), values)
    return dropped


def _has_outside_clicks(con: duckdb.DuckDBPyConnection, plan: Plan, day: Day) -> bool:
    found = con.execute(
        "select 1 from lake.marts.fct_exposures where ds = ? and domain <> ? and is_clicked limit 1",
        [day.ds, plan.target_domain],
    ).fetchone()
    return found is not None
