"""The samples of one day, computed in temporary tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import duckdb

from uniscale.contracts.days import Day
from uniscale.contracts.marts import FCT_EXPOSURES, OUTSIDE_ACTIONS
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.es3.lift import measure_lift
from uniscale.es3.maturity import ACTIONS
from uniscale.es3.plan import Plan
from uniscale.es3.queries import find_queries, read_searches
from uniscale.es3.statements import run_files


def prepare_items(con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Make the functions of the SQL files, and the table of item versions."""
    run_files(con, ("0_macros", "0_items"), {"last_ds": plan.last_ds})


def prepare(con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Make the connection ready for `compute_day`: functions, item versions, older lists, the empty tables."""
    prepare_items(con, plan)
    days_read = {
        "first_ds": plan.first_ds,
        "known_ds": plan.ds,
        "first_older_ds": plan.first_older_ds(plan.days[0]),
        "last_older_ds": plan.first_ds - timedelta(days=1),
        "target_domain": plan.target_domain,
    }
    run_files(con, ("0_older_lists",), days_read)
    for name, table in (("records", SAMPLES), ("outside_fates", OUTSIDE_CLICKS)):
        columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
        con.execute(f"create or replace temp table {name} ({columns})")


def compute_day(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    day: Day,
    *,
    searchify: bool = True,
    growth: Mapping[str, float] | None = None,
) -> None:
    """Add the samples of one day to the temporary table ``records``, what became of its clicks to ``outside_fates``.

    They have the columns of `SAMPLES` and of `OUTSIDE_CLICKS`.

    Args:
        con: A connection after `prepare`, with the raw tables and marts below the catalogue ``lake``.
        plan: The run.
        day: One of its training days.
        searchify: Whether stage C is done; a day without an outside click does not need it.
        growth: What an attributed label of the day is multiplied by, by action; default 1.
    """
    growth = growth or {}
    values = {**plan.values(day), **{f"{action}_growth": growth.get(action, 1.0) for action in ACTIONS}}
    measure_lift(con, plan, day)
    run_files(con, ("2_unexposed", "3_labels"), values)
    if searchify:
        run_files(con, ("4_outside",), values)
        read_searches(con, plan.policy.searchification, values)
        find_queries(con, plan.policy.searchification, values)
        run_files(con, ("6_negatives", "7_outside_fates"), values)
    run_files(con, ("8_known_counts", "9_records"), values)


def days_to_searchify(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[date, bool]:
    """Whether a training day may have an outside click, for every one with a request or such a click.

    A click belongs to the day of its request, which is an earlier one than its own at most.
    """
    rows = con.execute(
        f"""
        select ds, false from lake.{FCT_EXPOSURES.qualified} where ds between $first and $last group by ds
        union all
        select distinct coalesce(request_ds, acted_at::date), true
        from lake.{OUTSIDE_ACTIONS.qualified}
        where ds between $first and $known and action = 'click'
        """,
        {"first": plan.first_ds, "last": plan.last_ds, "known": plan.ds},
    ).fetchall()
    found = dict.fromkeys((day for day, _ in rows), False)
    return found | {day: True for day, has_clicks in rows if has_clicks}
