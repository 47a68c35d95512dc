"""The tables of the warehouse, made from their contracts."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import duckdb

from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.marts import MART_TABLES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.schema import Table
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

_TABLES = (*EVENT_TABLES, *MART_TABLES, *FEATURE_TABLES)
_log = logging.getLogger(__name__)


def create_tables(lake: Lake) -> None:
    """Make the tables of the warehouse that do not exist yet, and feature tables of an older contract again.

    What a feature table held can be built again; the days that a run needs are, since their columns have changed.
    """
    if not _tables_exist(lake):
        lake.commit(lambda con: [Lake.create(con, table) for table in _TABLES], "tables of the warehouse")
    with lake.read() as con:
        outdated = [
            table for table in FEATURE_TABLES if _columns(con, table) != [(c.name, c.type) for c in table.columns]
        ]
    if outdated:
        names = ", ".join(table.qualified for table in outdated)
        _log.warning("%s had other columns; made anew, and built for the days of this run", names)
        lake.commit(lambda con: _make_anew(con, outdated), f"other columns: {names}")


def _columns(con: duckdb.DuckDBPyConnection, table: Table) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in con.execute(f"describe lake.{table.qualified}").fetchall()]


def _make_anew(con: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> None:
    for table in tables:
        con.execute(f"drop table lake.{table.qualified}")
        Lake.create(con, table)
        if table_has(con, PARTITIONS):
            con.execute(f"delete from lake.{PARTITIONS.qualified} where table_name = ?", [table.qualified])


def _tables_exist(lake: Lake) -> bool:
    if not lake.exists():
        return False
    with lake.read() as con:
        return all(table_has(con, table) for table in _TABLES)
