"""Open a Parquet or CSV file as an SQL query, or say why it cannot be read."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import duckdb

from uniscale.contracts.schema import Table
from uniscale.sources.incoming import BadFileError, Incoming, Malformed, quoted
from uniscale.sources.layout import EventFile

MAX_MALFORMED = 1000
_SEND_AGAIN = "Send the file again; it was probably cut off while it was written or copied"


def open_file(con: duckdb.DuckDBPyConnection, file: EventFile, domains: tuple[str, ...]) -> Incoming:
    """One file of contract logs as rows to be checked.

    Raises:
        BadFileError: It is empty, truncated or unreadable.
    """
    malformed: tuple[Malformed, ...] = ()
    if file.path.stat().st_size == 0:
        raise BadFileError(file.name, "the file is empty (0 bytes)", _SEND_AGAIN)
    if file.path.name.endswith(".parquet"):
        select = parquet_select(con, file.path, file.name)
    else:
        header = csv_header(file.path, file.name)
        malformed = malformed_lines(con, file.path, file.name, header)
        _refuse_cut_off(con, file, header, malformed)
        select = csv_select(file.path, header, malformed)
    return Incoming(table=file.table, file=file.name, select=select, day=file.day, domains=domains, malformed=malformed)


def parquet_select(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> str:
    """A Parquet file as a query with ``row_number``.

    Raises:
        BadFileError: It is not a whole Parquet file.
    """
    source = f"read_parquet({quoted(str(path))}, file_row_number = true, hive_partitioning = false)"
    try:
        con.execute(f"describe from {source}")
    except duckdb.Error as error:
        raise BadFileError(name, f"cannot be read as Parquet ({_first_line(error)})", _SEND_AGAIN) from error
    return f"select * exclude (file_row_number), file_row_number + 1 as row_number from {source}"


def csv_header(path: Path, name: str) -> tuple[str, ...]:
    """Column names of a CSV file.

    Raises:
        BadFileError: It has no header, names a column twice, is not UTF-8 or is a broken archive.
    """
    try:
        with _open_bytes(path) as stream:
            first = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="").readline()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadFileError(name, f"cannot be read as CSV ({_first_line(error)})", _SEND_AGAIN) from error
    header = tuple(cell.strip() for cell in next(csv.reader([first]), []))
    if not any(header):
        raise BadFileError(name, "the first line names no columns", "Write the column names into the first line")
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        raise BadFileError(name, f"column {twice[0]!r} is named twice", "Name every column once")
    return header


def csv_select(
    path: Path, header: tuple[str, ...], malformed: tuple[Malformed, ...] = (), null_texts: Sequence[str] = ("",)
) -> str:
    """A CSV file as a query with ``row_number``; every column is text, and malformed lines are left out."""
    # Row k of those that can be read is row k + (malformed lines before it) of the file.
    shifts = [bad.row_number - index for index, bad in enumerate(malformed)]
    shift = f" + len(list_filter({shifts}, lambda x: x <= k))" if shifts else ""
    numbered = f"select *, row_number() over () as k from {_read_csv(path, header, null_texts, 'ignore_errors = true')}"
    return f"select * exclude (k), k{shift} as row_number from ({numbered})"


def malformed_lines(
    con: duckdb.DuckDBPyConnection, path: Path, name: str, header: tuple[str, ...]
) -> tuple[Malformed, ...]:
    """Lines that have too few or too many fields or are not UTF-8.

    Raises:
        BadFileError: The file cannot be read to its end, or more than `MAX_MALFORMED` lines are malformed.
    """
    rejects = "store_rejects = true, rejects_table = 'csv_errors', rejects_scan = 'csv_scans'"
    try:
        # Without the fetch the scan of a large file stops early, and its errors are never written down.
        con.execute(f"select count(*) from {_read_csv(path, header, ('',), rejects)}").fetchall()
    except duckdb.Error as error:
        raise BadFileError(name, f"cannot be read as CSV ({_first_line(error)})", _SEND_AGAIN) from error
    found = con.execute(
        "select line - 1, cast(min(error_type) as varchar), min(csv_line) from csv_errors group by line order by line "
        f"limit {MAX_MALFORMED + 1}"
    ).fetchall()
    con.execute("drop table csv_errors; drop table csv_scans")
    if len(found) > MAX_MALFORMED:
        rows = "; ".join(f"row {row} {_wording(kind)}" for row, kind, _ in found[:3])
        raise BadFileError(name, f"more than {MAX_MALFORMED} lines are malformed; first {rows}", "Write it again")
    return tuple(Malformed(row_number=row, reason=_wording(kind), line=line or "") for row, kind, line in found)


def malformed_json(bad: Malformed) -> str:
    """The malformed line as JSON, for the quarantine."""
    return json.dumps({"line": bad.line})


def _refuse_cut_off(
    con: duckdb.DuckDBPyConnection, file: EventFile, header: tuple[str, ...], malformed: tuple[Malformed, ...]
) -> None:
    if not malformed or _ends_a_line(file.path):
        return
    counted = con.execute(f"select count(*) from ({csv_select(file.path, header)})").fetchone()
    assert counted is not None
    if malformed[-1].row_number == counted[0] + len(malformed):
        problem = f"is cut off in its last row (row {malformed[-1].row_number}: {malformed[-1].line[:80]!r})"
        raise BadFileError(file.name, problem, _SEND_AGAIN)


def _read_csv(path: Path, header: tuple[str, ...], null_texts: Sequence[str], extra: str) -> str:
    columns = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in header)
    nulls = ", ".join(quoted(text) for text in null_texts)
    compression = "gzip" if path.name.endswith(".gz") else "none"
    return (
        f"read_csv({quoted(str(path))}, columns = {{{columns}}}, header = true, auto_detect = false, delim = ',', "
        f"quote = '\"', escape = '\"', nullstr = [{nulls}], compression = '{compression}', "
        f"hive_partitioning = false, {extra})"
    )


@contextmanager
def _open_bytes(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as stream:
        if path.name.endswith(".gz"):
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield io.BufferedReader(unpacked)
        else:
            yield stream


def _ends_a_line(path: Path) -> bool:
    last = b""
    with _open_bytes(path) as stream:
        while block := stream.read(1 << 20):
            last = block
    return last.endswith((b"\n", b"\r"))


def _wording(kind: str) -> str:
    words = {
        "MISSING COLUMNS": "has fewer fields than the header",
        "TOO MANY COLUMNS": "has more fields than the header",
    }
    return words.get(kind, f"is no CSV row ({kind.lower()})")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def check_columns(table: Table, file: str, present: tuple[str, ...]) -> None:
    """Refuse a file that lacks a required column or has one the contract does not know.

    Raises:
        BadFileError: With the nearest known name as a hint.
    """
    import difflib

    known = [name for name in table.column_names if name != "ds"]
    unknown = [name for name in present if name not in known]
    required = [column.name for column in table.columns if not column.nullable and column.name != "ds"]
    missing = [name for name in required if name not in present]
    if missing:
        close = difflib.get_close_matches(missing[0], unknown, n=1)
        hint = f"rename column {close[0]!r} if it means this" if close else f"the file has {', '.join(present)}"
        raise BadFileError(
            file,
            f"column {', '.join(missing)} is missing",
            f"Table {table.name} needs {', '.join(required)}; {hint}",
        )
    if unknown:
        derived = "ds is derived from the times in the row; leave it out" if unknown[0] == "ds" else ""
        close = difflib.get_close_matches(unknown[0], [name for name in known if name not in present], n=1)
        hint = derived or (f"did you mean {close[0]}?" if close else "put further facts into attributes")
        raise BadFileError(
            file,
            f"column {', '.join(unknown)} is not in the contract",
            f"Table {table.name} takes {', '.join(known)}; {hint}",
        )
