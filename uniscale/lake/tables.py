"""The tables of the lake, made from their contracts."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import duckdb

from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.schema import Table
from uniscale.lake.lake import Lake, table_has

_log = logging.getLogger(__name__)


def create_missing(lake: Lake, tables: Sequence[Table], message: str) -> None:
    """Make those of the tables that do not exist yet, and the lake if there is none.

    Args:
        lake: The lake.
        tables: The tables.
        message: What they are, for the lake's history.
    """
    if lake.exists():
        with lake.read() as con:
            if all(table_has(con, table) for table in tables):
                return
    lake.commit(lambda con: [Lake.create(con, table) for table in tables], message)


def make_outdated_again(lake: Lake, tables: Sequence[Table]) -> None:
    """Make existing tables whose columns are not those of the contract again, without rows.

    For derived tables only: what they held can be built again, and is for the days that a run needs.
    """
    with lake.read() as con:
        outdated = [table for table in tables if _columns(con, table) != [(c.name, c.type) for c in table.columns]]
    if outdated:
        names = ", ".join(table.qualified for table in outdated)
        _log.warning("%s had other columns; made again, and built for the days of this run", names)
        lake.commit(lambda con: _make_again(con, outdated), f"other columns: {names}")


def _columns(con: duckdb.DuckDBPyConnection, table: Table) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in con.execute(f"describe lake.{table.qualified}").fetchall()]


def _make_again(con: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> None:
    for table in tables:
        con.execute(f"drop table lake.{table.qualified}")
        Lake.create(con, table)
        if table_has(con, PARTITIONS):
            con.execute(
                f"delete from lake.{PARTITIONS.qualified} where split_part(table_name, '/', 1) = ?", [table.qualified]
            )
