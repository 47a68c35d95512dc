"""Where a user is: rows by table and day, and the models trained on their samples."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.contracts.samples import SAMPLES
from uniscale.lake import Lake
from uniscale.lake.forgotten import entry_of
from uniscale.lake.lake import table_has
from uniscale.lineage.ties import find_user, owned, present
from uniscale.lineage.trained_models import models_trained_on


def user_lineage(settings: Settings, lake: Lake, user: str) -> dict[str, Any]:
    """Everything that is there of a user.

    Args:
        settings: The installation.
        lake: Its lake.
        user: Identifier of the user.

    Returns:
        ``user``; ``tables``: rows by table and day (``None`` for rejected rows without a day), tables without a row
        left out; ``models``: see `models_trained_on`; ``forgotten_at`` if the user was forgotten, else None.

    Raises:
        ValueError: No table has a row of the user, and they were not forgotten either.
        FileNotFoundError: There is no lake.
    """
    with lake.read() as con:
        find_user(con, user)
        entry = entry_of(con, user)
        tables = {}
        for table in present(con):
            condition = owned(table)
            if condition is not None and (days := _rows_by_day(con, table.qualified, condition)):
                tables[table.qualified] = days
        sample_days = days_with_samples(con)
    if not tables and entry is None:
        raise ValueError(f"no table of the lake has a row of user {user!r}; identifiers are compared letter by letter")
    trained = models_trained_on(settings, sample_days)
    if entry is not None:
        earlier = models_trained_on(settings, entry["sample_days"], entry["snapshot_id"])
        known = {model["version"] for kind in trained.values() for model in kind}
        for kind, models in earlier.items():
            trained[kind] += [model for model in models if model["version"] not in known]
    return {
        "user": user,
        "forgotten_at": None if entry is None else entry["forgotten_at"],
        "tables": tables,
        "models": trained,
    }


def days_with_samples(con: duckdb.DuckDBPyConnection) -> list[date]:
    """Days on which the user of `find_user` has a sample, in order."""
    if not table_has(con, SAMPLES):
        return []
    rows = con.execute(f"select distinct ds from lake.{SAMPLES.qualified} where {owned(SAMPLES)} order by ds")
    return [row[0] for row in rows.fetchall()]


def _rows_by_day(con: duckdb.DuckDBPyConnection, table: str, condition: str) -> dict[date | None, int]:
    rows = con.execute(f"select ds, count(*) from lake.{table} where {condition} group by ds order by ds nulls first")
    return dict(rows.fetchall())
