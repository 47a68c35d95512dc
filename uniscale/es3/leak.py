"""Do synthetic queries give the label away? Measured by what text match alone can rank."""

from __future__ import annotations

from typing import Any

import duckdb

from uniscale.es3.plan import Plan
from uniscale.es3.statements import run_sql, sql_text

MAX_RECORDS = 20_000
"""Records measured per tier, the same ones every time."""


def measure_leak(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, dict[str, Any]]:
    """AUC of one number, the share of the query's words in the item's title, for the label click.

    A synthetic query that was chosen with an eye on the clicked item matches its title better than the negatives', and
    a model learns to trust text match more than real searches warrant. So the AUC on synthetic rows must be close to
    the one on real exposed rows.

    Args:
        con: An open lake connection.
        plan: The run; its training days are measured together.

    Returns:
        ``native`` (exposed rows of real requests) and ``tier N`` (synthetic rows), each with ``auc`` (None if one class
        is empty) and ``rows``. Empty without any row.
    """
    values = {"first_ds": plan.first_ds, "ds": plan.ds, "max_records": MAX_RECORDS}
    rows = run_sql(con, f"{sql_text('macros')}\n{sql_text('leak')}", values).fetchall()
    measured = {
        "native" if tier == 0 else f"tier {tier}": {"auc": None if auc is None else round(auc, 4), "rows": count}
        for tier, auc, count in rows
    }
    return {"native": {"auc": None, "rows": 0}, **measured} if measured else {}
