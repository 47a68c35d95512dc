"""How the days of a table are stored, without reading a row: text that differs when their rows do, and their number.

Files of DuckLake are never changed, so a day's rows are as they were while its files, and the deletes that apply to
them, are the same ones. Files that were merged hold the same rows under other names: a difference proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import duckdb

from uniscale.contracts.schema import Table

METADATA = "__ducklake_metadata_lake"
"""Where a connection sees DuckLake's own tables, whose meaning its specification fixes."""

_NOW = "end_snapshot is null"


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
    table_id = _table_id(con, table, then)
    if table_id is None:
        return {}
    deleted = {row[0] for row in _rows_if_there(con, f"ducklake_inlined_delete_{table_id}", "distinct file_id")}
    files = _files(con, table_id, then, "d.delete_file_id")
    names: dict[date, list[str]] = {}
    for day, file, deletes in files:
        if day is None:
            raise ValueError(f"file {file} of {table.qualified} belongs to no day; the table must be partitioned by ds")
        names.setdefault(day, []).append(f"{file}" if deletes is None else f"{file}-{deletes}")
    unsure = _inlined_days(con, table_id) | {day for day, file, _ in files if file in deleted}
    return {**{day: f"{table_id}:{','.join(held)}" for day, held in names.items()}, **dict.fromkeys(unsure)}


def num_rows_by_day(con: duckdb.DuckDBPyConnection, table: Table) -> dict[date, int]:
    """How many rows each day of a table that is partitioned by ``ds`` has now; see `num_rows_of_tables`."""
    return num_rows_of_tables(con, [table])[table.qualified]


def num_rows_of_tables(con: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> dict[str, dict[date, int]]:
    """How many rows each day of tables that are partitioned by ``ds`` has now, told by the catalogue.

    No file is opened, so files may be lost. Days without rows are left out.

    Args:
        con: A connection to the lake.
        tables: The tables; those that are not there have no day.
    """
    names = {table.qualified: Counter[date]() for table in tables}
    ids = {
        table_id: name
        for table_id, name in con.execute(
            "select t.table_id, s.schema_name || '.' || t.table_name "
            f"from (from {METADATA}.ducklake_table where {_NOW}) t "
            f"join (from {METADATA}.ducklake_schema where {_NOW}) s using (schema_id)"
        ).fetchall()
        if name in names
    }
    if not ids:
        return {name: {} for name in names}
    known = f"table_id in ({', '.join(map(str, ids))})"
    files = con.execute(
        "select f.table_id, cast(p.partition_value as date), f.data_file_id, "
        "f.record_count - coalesce(d.delete_count, 0) "
        f"from (from {METADATA}.ducklake_data_file where {known} and {_NOW}) f "
        f"left join (from {METADATA}.ducklake_file_partition_value where {known}) p using (data_file_id) "
        f"left join (from {METADATA}.ducklake_delete_file where {known} and {_NOW}) d using (data_file_id)"
    ).fetchall()
    deleted = Counter(_inlined_deletes(con, ids))
    for table_id, day, file, num_rows in files:
        names[ids[table_id]][day] += num_rows - deleted[file]
    for table_id, day, num_rows in _inlined_rows(con, known):
        names[ids[table_id]][day] += num_rows
    return {name: {day: num_rows for day, num_rows in counts.items() if num_rows} for name, counts in names.items()}


def _inlined_deletes(con: duckdb.DuckDBPyConnection, ids: Collection[int]) -> list[int]:
    """Files of which the catalogue itself holds deleted rows, once per row."""
    names = [f"ducklake_inlined_delete_{table_id}" for table_id in ids]
    return [file for name in names for (file,) in _rows_if_there(con, name, "file_id")]


def _inlined_rows(con: duckdb.DuckDBPyConnection, known: str) -> list[tuple[int, date, int]]:
    """Table, day and number of the rows that the catalogue itself holds."""
    held = con.execute(
        f"select table_id, table_name from {METADATA}.ducklake_inlined_data_tables where {known}"
    ).fetchall()
    return [
        (table_id, *row)
        for table_id, name in held
        for row in _rows_if_there(con, name, "cast(ds as date), count(*)", f"where {_NOW} group by 1")
    ]


def _files(con: duckdb.DuckDBPyConnection, table_id: int, then: str, what: str) -> list[tuple[Any, ...]]:
    """Day, number and ``what`` of the data files (``f``) of a table, with their files of deletes (``d``)."""
    at = f"table_id = {table_id} and {then}"
    return con.execute(
        f"select cast(p.partition_value as date), f.data_file_id, {what} "
        f"from (from {METADATA}.ducklake_data_file where {at}) f "
        f"left join (from {METADATA}.ducklake_file_partition_value where table_id = {table_id}) p using (data_file_id) "
        f"left join (from {METADATA}.ducklake_delete_file where {at}) d using (data_file_id) "
        "order by data_file_id"
    ).fetchall()


def _table_id(con: duckdb.DuckDBPyConnection, table: Table, then: str) -> int | None:
    found = con.execute(
        f"select t.table_id from (from {METADATA}.ducklake_table where {then}) t "
        f"join (from {METADATA}.ducklake_schema where {then}) s using (schema_id) "
        "where schema_name = ? and table_name = ?",
        [table.schema, table.name],
    ).fetchone()
    return None if found is None else int(found[0])


def inlined_tables(con: duckdb.DuckDBPyConnection, table_id: int) -> list[str]:
    """Names of the catalogue's own tables with rows of a table."""
    query = f"select table_name from {METADATA}.ducklake_inlined_data_tables where table_id = {table_id}"
    return [name for (name,) in con.execute(query).fetchall()]


def _inlined_days(con: duckdb.DuckDBPyConnection, table_id: int) -> set[date]:
    """Days with rows in the catalogue, also rows that are gone by now."""
    names = inlined_tables(con, table_id)
    return {row[0] for name in names for row in _rows_if_there(con, name, "distinct cast(ds as date)")}


def _rows_if_there(con: duckdb.DuckDBPyConnection, name: str, what: str, which: str = "") -> list[tuple[Any, ...]]:
    try:
        return con.execute(f'select {what} from {METADATA}."{name}" {which}').fetchall()
    except duckdb.CatalogException:
        return []
