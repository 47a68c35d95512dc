"""Steps that have to be done again, as what they were made from has changed."""

from __future__ import annotations

from datetime import date

import duckdb

from uniscale.contracts.outcomes import STEPS
from uniscale.lake.lake import table_has


def do_again(
    con: duckdb.DuckDBPyConnection, first: date, why: str, *, step: str | None = None, last: date | None = None
) -> None:
    """Mark the steps of the runs from ``first`` on as to be done again; call it inside the `Lake.commit` that is why.

    Args:
        con: The connection that `commit` handed out.
        first: First run whose inputs have changed.
        why: A word that is put in place of the steps' input keys.
        step: Mark this step only.
        last: Last run whose inputs have changed; None for no end.
    """
    if table_has(con, STEPS):
        which = "ds >= $first and (step = $step or $step is null) and (ds <= $last or $last is null)"
        values = {"why": why, "first": first, "step": step, "last": last}
        con.execute(f"update lake.{STEPS.qualified} set input_key = $why where {which}", values)
