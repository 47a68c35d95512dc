"""Alerts, open and closed, where the installation keeps them."""

from __future__ import annotations

import duckdb

from uniscale.contracts.alerts import ALERTS
from uniscale.ui.queries.judged import Row, rows_of


def alerts(con: duckdb.DuckDBPyConnection) -> list[Row] | None:
    """Alerts, open ones and the newest first; None if none have ever been kept."""
    try:
        return rows_of(
            con,
            f"from lake.{ALERTS.qualified} order by closed_ds is null desc, coalesce(closed_ds, last_ds) desc limit 60",
        )
    except duckdb.CatalogException:
        return None
