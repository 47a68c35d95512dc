"""Do synthetic queries give the label away? Measured by what text match alone can rank; too much stops the day."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import duckdb

from uniscale.es3.plan import Plan
from uniscale.es3.statements import run_sql, sql_text

MAX_RECORDS = 20_000
"""Records measured per tier, the same ones every time."""

_SURE = 2.0
"""Standard errors by which the margin must be passed: few rows alone are no reason to stop a day."""


class LeakError(RuntimeError):
    """Synthetic queries give the label away by text match, more than the policy allows."""


def measure_leak(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, dict[str, Any]]:
    """AUC of one number, the share of the query's words in the item's title, for the label click.

    A synthetic query that was chosen with an eye on the clicked item matches its title better than the negatives', and
    a model learns to trust text match more than real searches warrant. So the AUC on synthetic rows must be close to
    the one on real exposed rows.

    Args:
        con: An open lake connection.
        plan: The run; its training days are measured together.

    Returns:
        ``native`` (exposed rows of real requests) and ``tier N`` (synthetic rows), each with ``auc`` and its standard
        error ``se`` (None if one class is empty) and ``rows``. Empty without any row.
    """
    values = {"first_ds": plan.first_ds, "ds": plan.last_ds, "max_records": MAX_RECORDS}
    rows = run_sql(con, f"{sql_text('macros')}\n{sql_text('leak')}", values).fetchall()
    measured = {
        "native" if tier == 0 else f"tier {tier}": _entry(auc, clicked, unclicked)
        for tier, auc, clicked, unclicked in rows
    }
    return {"native": _entry(None, 0, 0), **measured} if measured else {}


def check_leak(measured: Mapping[str, Mapping[str, Any]], max_leak: float) -> None:
    """Refuse synthetic rows that text match alone ranks better than real ones beyond the margin.

    Args:
        measured: What `measure_leak` found.
        max_leak: The policy's margin, in AUC.

    Raises:
        LeakError: The excess of a tier passes the margin by more than two standard errors; both numbers are named.
    """
    native = measured.get("native", {})
    if native.get("auc") is None:
        return
    for tier, found in measured.items():
        if tier == "native" or found["auc"] is None:
            continue
        excess = found["auc"] - native["auc"]
        if excess - _SURE * sqrt(found["se"] ** 2 + native["se"] ** 2) > max_leak:
            raise LeakError(
                f"the synthetic queries of {tier} give the label away: text match alone ranks their rows with AUC "
                f"{found['auc']:.3f}, real rows with {native['auc']:.3f}; the policy allows {max_leak:.3f} more "
                "(searchification.max_leak). Leave the tier out (searchification.tiers), or correct its queries and "
                "negatives; nothing was trained on these rows"
            )


def _entry(auc: float | None, clicked: int, unclicked: int) -> dict[str, Any]:
    if auc is None:
        return {"auc": None, "se": None, "rows": clicked + unclicked}
    return {"auc": round(auc, 4), "se": round(_standard_error(auc, clicked, unclicked), 4), "rows": clicked + unclicked}


def _standard_error(auc: float, clicked: int, unclicked: int) -> float:
    """Of an AUC over so many rows of each class (Hanley and McNeil 1982)."""
    one, other = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (clicked - 1) * (one - auc * auc) + (unclicked - 1) * (other - auc * auc)
    return sqrt(max(variance, 0) / (clicked * unclicked))
