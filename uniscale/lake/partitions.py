"""Which daily partitions of a derived table are up to date.

A partition is stale when it was built from other code, another policy or at another ``label_as_of`` than wanted now.
The note is written in the same commit as the rows, so a killed step can never leave a partition that looks fresh but
is not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    return differing_days(built_days(con, table_name), wanted)


def differing_days(built: Mapping[date, str], wanted: Mapping[date, str]) -> list[date]:
    """Wanted days that were not built, or with another key, in order."""
    return sorted(day for day, key in wanted.items() if built.get(day) != key)


def stale_in_any(built: Mapping[str, Mapping[date, str]], wanted: Mapping[date, str]) -> list[date]:
    """Wanted days that were not built in at least one of some tables, or with another key, in order."""
    return sorted({day for keys in built.values() for day in differing_days(keys, wanted)})


def built_days(con: duckdb.DuckDBPyConnection, table_name: str) -> dict[date, str]:
    """Build key of every day of a table."""
    return built_tables(con, [table_name])[table_name]


def built_tables(con: duckdb.DuckDBPyConnection, table_names: Collection[str]) -> dict[str, dict[date, str]]:
    """Build key of every day of some tables, read at once."""
    found: dict[str, dict[date, str]] = {name: {} for name in table_names}
    if found and table_has(con, PARTITIONS):
        marks = ", ".join("?" for _ in found)
        query = f"select table_name, ds, build_key from lake.{PARTITIONS.qualified} where table_name in ({marks})"
        for name, day, key in con.execute(query, list(found)).fetchall():
            found[name][day] = key
    return found


def mark_built(con: duckdb.DuckDBPyConnection, table_name: str, built: Mapping[date, str]) -> None:
    """Note the build keys of days just written; call it inside the `Lake.commit` that writes them."""
    mark_tables(con, {table_name: built})


def mark_tables(con: duckdb.DuckDBPyConnection, built: Mapping[str, Mapping[date, str]]) -> None:
    """As `mark_built`, for several tables at once."""
    Lake.create(con, PARTITIONS)
    notes = [(name, day, key) for name, days in sorted(built.items()) for day, key in sorted(days.items())]
    if not notes:
        return
    rows = f"(values {', '.join('(?, ?, ?)' for _ in notes)}) as notes (table_name, ds, build_key)"
    values = [value for note in notes for value in note]
    con.execute(
        f"delete from lake.{PARTITIONS.qualified} where (table_name, ds) in (select table_name, ds from {rows})", values
    )
    con.execute(f"insert into lake.{PARTITIONS.qualified} from {rows}", values)


def drop_days_before(con: duckdb.DuckDBPyConnection, tables: Collection[Table], day: date) -> None:
    """Drop the days of some tables that lie before one, and the notes on them; call it inside `Lake.commit`."""
    for table in tables:
        con.execute(f"delete from lake.{table.qualified} where ds < ?", [day])
    names = [table.qualified for table in tables]
    con.execute(
        f"delete from lake.{PARTITIONS.qualified} where table_name in (select unnest(?::varchar[])) and ds < ?",
        [names, day],
    )
