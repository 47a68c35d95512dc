"""Findings of a day, from the profiles in the lake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import duckdb

from monitoring.arrow import arrow_rows
from monitoring.drift.findings import Day, find
from uniscale.config.thresholds import DriftThresholds
from uniscale.contracts.monitor import FINDINGS, PROFILES
from uniscale.lake import Lake


def find_drift(lake: Lake, ds: date, domains: Sequence[str], limits: DriftThresholds) -> list[dict[str, Any]]:
    """Judge a day by the profiles of the days before it, and replace its findings in the lake.

    Returns:
        Rows of ``monitor.findings``, worst first.
    """
    with lake.read() as con:
        profiles = read_profiles(con, ds - timedelta(days=limits.days), ds)
    found = find(ds, profiles, domains, limits)

    def work(con: duckdb.DuckDBPyConnection) -> None:
        con.register("found", arrow_rows(FINDINGS, found))
        Lake.replace(con, FINDINGS, f"ds = date '{ds}'", "found")

    lake.commit(work, f"findings of {ds}")
    return found


def read_profiles(con: duckdb.DuckDBPyConnection, first: date, last: date) -> dict[date, Day]:
    """Profiles of some days, by population and column."""
    rows = con.execute(f"from lake.{PROFILES.qualified} where ds between ? and ?", [first, last]).to_arrow_table()
    found: dict[date, dict[tuple[str, str], dict[str, Any]]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["ds"], {})[row["population"], row["column_name"]] = row
    return dict(found)
