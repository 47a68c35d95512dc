"""Which daily partitions of a derived table are up to date.

A partition is stale when it was built from other code, another policy or at another ``label_as_of`` than wanted now.
The note is written in the same commit as the rows, so a killed step can never leave a partition that looks fresh but
is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.schema import Table
from uniscale.lake.lake import Lake, table_has


def stale_days(con: duckdb.DuckDBPyConnection, table_name: str, wanted: Mapping[date, str]) -> list[date]:
    """Days whose partition is missing or was built with another key, in order.

    Args:
        con: An open lake connection.
        table_name: Qualified name, for example ``es3.samples``.
        wanted: Build key each day should have.
    """
    known = built_days(con, table_name)
    return sorted(day for day, key in wanted.items() if known.get(day) != key)


def built_days(con: duckdb.DuckDBPyConnection, table_name: str) -> dict[date, str]:
    """Build key of every day of a table."""
    if not table_has(con, PARTITIONS):
        return {}
    rows = con.execute(f"select ds, build_key from lake.{PARTITIONS.qualified} where table_name = ?", [table_name])
    return dict(rows.fetchall())


def mark_built(con: duckdb.DuckDBPyConnection, table_name: str, built: Mapping[date, str]) -> None:
    """Note the build keys of days just written; call it inside the `Lake.commit` that writes them."""
    Lake.create(con, PARTITIONS)
    if not built:
        return
    marks = ", ".join("?" for _ in built)
    con.execute(
        f"delete from lake.{PARTITIONS.qualified} where table_name = ? and ds in ({marks})", [table_name, *built]
    )
    rows = ", ".join("(?, ?, ?)" for _ in built)
    values = [value for day, key in sorted(built.items()) for value in (table_name, day, key)]
    con.execute(f"insert into lake.{PARTITIONS.qualified} values {rows}", values)


def drop_days_before(con: duckdb.DuckDBPyConnection, table: Table, day: date) -> None:
    """Drop the days of a table that lie before one, and the notes on them; call it inside `Lake.commit`."""
    con.execute(f"delete from lake.{table.qualified} where ds < ?", [day])
    con.execute(f"delete from lake.{PARTITIONS.qualified} where table_name = ? and ds < ?", [table.qualified, day])
