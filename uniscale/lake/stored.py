"""How the days of a table are stored: text that differs when the rows of a day differ, without reading a row.

Files of DuckLake are never changed, so a day's rows are as they were while its files, and the deletes that apply to
them, are the same ones. Files that were merged hold the same rows under other names: a difference proves nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from uniscale.contracts.schema import Table

_META = "__ducklake_metadata_lake"
"""Where a connection sees DuckLake's own tables, whose meaning its specification fixes."""


def stored_as(con: duckdb.DuckDBPyConnection, table: Table, snapshot_id: int) -> dict[date, str | None]:
    """Files and deletes of each day of a table that is partitioned by ``ds``, at a snapshot.

    A day is None if the catalogue itself holds, or held, rows or deletes of it (those of small commits): only its rows
    say what they are. A day that is not named has no row.

    Args:
        con: A connection to the lake.
        table: The table.
        snapshot_id: The snapshot that the connection reads.

    Raises:
        ValueError: A file of the table belongs to no day.
    """
    then = f"begin_snapshot <= {int(snapshot_id)} and (end_snapshot is null or end_snapshot > {int(snapshot_id)})"
    found = con.execute(
        f"select t.table_id from (from {_META}.ducklake_table where {then}) t "
        f"join (from {_META}.ducklake_schema where {then}) s using (schema_id) "
        "where schema_name = ? and table_name = ?",
        [table.schema, table.name],
    ).fetchone()
    if found is None:
        return {}
    table_id = int(found[0])
    deleted = {row[0] for row in _rows_if_there(con, f"ducklake_inlined_delete_{table_id}", "distinct file_id")}
    files = con.execute(
        f"select cast(p.partition_value as date), f.data_file_id, d.delete_file_id "
        f"from (from {_META}.ducklake_data_file where table_id = {table_id} and {then}) f "
        f"left join (from {_META}.ducklake_file_partition_value where table_id = {table_id}) p using (data_file_id) "
        f"left join (from {_META}.ducklake_delete_file where table_id = {table_id} and {then}) d using (data_file_id) "
        "order by data_file_id"
    ).fetchall()
    names: dict[date, list[str]] = {}
    for day, file, deletes in files:
        if day is None:
            raise ValueError(f"file {file} of {table.qualified} belongs to no day; the table must be partitioned by ds")
        names.setdefault(day, []).append(f"{file}" if deletes is None else f"{file}-{deletes}")
    unsure = _inlined_days(con, table_id) | {day for day, file, _ in files if file in deleted}
    return {**{day: f"{table_id}:{','.join(held)}" for day, held in names.items()}, **dict.fromkeys(unsure)}


def _inlined_days(con: duckdb.DuckDBPyConnection, table_id: int) -> set[date]:
    """Days with rows in the catalogue, also rows that are gone by now."""
    tables = con.execute(
        f"select table_name from {_META}.ducklake_inlined_data_tables where table_id = {table_id}"
    ).fetchall()
    return {row[0] for (name,) in tables for row in _rows_if_there(con, name, "distinct cast(ds as date)")}


def _rows_if_there(con: duckdb.DuckDBPyConnection, name: str, what: str) -> list[tuple[Any, ...]]:
    try:
        return con.execute(f'select {what} from {_META}."{name}"').fetchall()
    except duckdb.CatalogException:
        return []
