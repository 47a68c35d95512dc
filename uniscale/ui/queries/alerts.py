"""Alerts, open and closed, where the installation keeps them."""

from __future__ import annotations

import duckdb

from uniscale.ui.queries.judged import Row, rows_of

TABLE = "monitor.alerts"


def alerts(con: duckdb.DuckDBPyConnection) -> list[Row] | None:
    """Alerts, open ones and the newest first; None if none have ever been kept."""
    try:
        return rows_of(
            con, f"from lake.{TABLE} order by closed_ds is null desc, coalesce(closed_ds, last_ds) desc limit 60"
        )
    except duckdb.CatalogException:
        return None
