"""Open a Parquet or CSV file of contract logs as an SQL query, or say why it cannot be read."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from uniscale.contracts.schema import Table
from uniscale.sources.csv_files import CsvFile, csv_header, open_csv
from uniscale.sources.event_files import EventFile
from uniscale.sources.incoming import SEND_AGAIN, BadFileError, Incoming, Malformed, first_line, only_file


def open_file(con: duckdb.DuckDBPyConnection, file: EventFile, domains: tuple[str, ...]) -> Incoming:
    """One file of contract logs as rows to be checked.

    Raises:
        BadFileError: It is empty, truncated, unreadable, or not made of the table's columns.
    """
    if file.path.is_file() and file.path.stat().st_size == 0:
        raise BadFileError(file.name, "the file is empty (0 bytes)", SEND_AGAIN)
    malformed: tuple[Malformed, ...] = ()
    if file.path.name.lower().endswith(".parquet"):
        select = parquet_select(con, file.path, file.name)
        num_records = parquet_records(file.path, file.name)
    else:
        header = csv_header(file.path, file.name)
        check_columns(file.table, file.name, header)
        found = open_csv(con, file.path, header, header, name=file.name)
        _refuse_cut_off(file.name, found)
        select, malformed, num_records = found.select, found.malformed, found.num_records
    return Incoming(
        table=file.table,
        file=file.name if file.day else str(file.path.resolve()),
        select=select,
        day=file.day,
        domains=domains,
        malformed=malformed,
        num_records=num_records,
    )


def parquet_select(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> str:
    """A Parquet file as a query with ``row_number``.

    Raises:
        BadFileError: It is not a whole Parquet file.
    """
    source = f"read_parquet({only_file(path)}, file_row_number = true, hive_partitioning = false)"
    try:
        con.execute(f"describe from {source}")
    except duckdb.Error as error:
        raise BadFileError(name, f"cannot be read as Parquet ({first_line(error)})", SEND_AGAIN) from error
    return f"select * exclude (file_row_number), file_row_number + 1 as row_number from {source}"


def parquet_records(path: Path, name: str) -> int:
    """How many rows the footer of a Parquet file declares, read without DuckDB.

    Raises:
        BadFileError: It has no footer, or one that contradicts itself.
    """
    try:
        footer = pq.read_metadata(path)
        in_groups = sum(footer.row_group(group).num_rows for group in range(footer.num_row_groups))
    except (pa.ArrowException, OSError) as error:
        raise BadFileError(name, f"cannot be read as Parquet ({first_line(error)})", SEND_AGAIN) from error
    if in_groups != footer.num_rows:
        problem = f"declares {footer.num_rows} rows and holds {in_groups}"
        raise BadFileError(name, problem, "The file is damaged: send it again")
    return int(footer.num_rows)


def require_columns(file: str, required: Sequence[str], present: Sequence[str], whose: str) -> None:
    """Refuse a file that lacks a column.

    Args:
        file: Name for the message.
        required: Columns it must have.
        present: Columns it has.
        whose: What needs the columns, the beginning of a sentence such as "Table users".

    Raises:
        BadFileError: With the nearest name the file has as a hint.
    """
    missing = [name for name in required if name not in present]
    if not missing:
        return
    close = difflib.get_close_matches(missing[0], [name for name in present if name not in required], n=1)
    hint = f"rename column {close[0]!r} if it means this" if close else f"the file has {', '.join(present)}"
    raise BadFileError(file, f"column {', '.join(missing)} is missing", f"{whose} needs {', '.join(required)}; {hint}")


def check_columns(table: Table, file: str, present: tuple[str, ...]) -> None:
    """Refuse a file that lacks a required column or has one the contract does not know.

    Raises:
        BadFileError: With the nearest known name as a hint.
    """
    known = [name for name in table.column_names if name != "ds"]
    unknown = [name for name in present if name not in known]
    required = [column.name for column in table.columns if not column.nullable and column.name != "ds"]
    require_columns(file, required, present, f"Table {table.name}")
    if unknown:
        derived = "ds is derived from the times in the row; leave it out" if unknown[0] == "ds" else ""
        close = difflib.get_close_matches(unknown[0], [name for name in known if name not in present], n=1)
        hint = derived or (f"did you mean {close[0]}?" if close else "put further facts into attributes")
        raise BadFileError(
            file,
            f"column {', '.join(unknown)} is not in the contract",
            f"Table {table.name} takes {', '.join(known)}; {hint}",
        )


def _refuse_cut_off(name: str, found: CsvFile) -> None:
    if found.is_cut_off:
        last = found.malformed[-1]
        problem = f"is cut off in its last row (row {last.row_number}: {last.line[:80]!r})"
        raise BadFileError(name, problem, SEND_AGAIN)
