"""Open a text file with one row a line as an SQL query, and find the lines that are no rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import duckdb

from uniscale.sources.incoming import SEND_AGAIN, BadFileError, Malformed, first_line, quoted

MAX_MALFORMED = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvFormat:
    """How the fields of a line are told apart.

    Attributes:
        delimiter: Between two fields.
        quote: Around a field that holds the delimiter; empty if the format has none.
        nulls: Texts that stand for a missing value.
        longest_line: Bytes of the longest line that can be a row.
    """

    delimiter: str = ","
    quote: str = '"'
    nulls: tuple[str, ...] = ("",)
    longest_line: int = 2 << 20


COMMA = CsvFormat()


def csv_header(path: Path, name: str, form: CsvFormat = COMMA) -> tuple[str, ...]:
    """Column names of a CSV file.

    Raises:
        BadFileError: It has no header, names a column twice, is not UTF-8 or is a broken archive.
    """
    try:
        with _open_bytes(path) as stream:
            first = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="").readline()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadFileError(name, f"cannot be read as CSV ({first_line(error)})", SEND_AGAIN) from error
    header = tuple(cell.strip() for cell in next(csv.reader([first], delimiter=form.delimiter), []))
    if not any(header):
        raise BadFileError(name, "the first line names no columns", "Write the column names into the first line")
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        raise BadFileError(name, f"column {twice[0]!r} is named twice", "Name every column once")
    return header


def csv_select(
    path: Path, header: tuple[str, ...], malformed: tuple[Malformed, ...] = (), form: CsvFormat = COMMA
) -> str:
    """A CSV file as a query with ``row_number``; every column is text, and malformed lines are left out."""
    # Row k of those that can be read is row k + (malformed lines before it) of the file.
    shifts = [bad.row_number - index for index, bad in enumerate(malformed)]
    shift = f" + len(list_filter({shifts}, lambda x: x <= k))" if shifts else ""
    numbered = f"select *, row_number() over () as k from {_read_csv(path, header, form, 'ignore_errors = true')}"
    return f"select * exclude (k), k{shift} as row_number from ({numbered})"


def malformed_lines(
    con: duckdb.DuckDBPyConnection, path: Path, name: str, header: tuple[str, ...], form: CsvFormat = COMMA
) -> tuple[Malformed, ...]:
    """Lines that have too few or too many fields or are not UTF-8.

    Raises:
        BadFileError: The file cannot be read to its end, or more than `MAX_MALFORMED` lines are malformed.
    """
    rejects = "store_rejects = true, rejects_table = 'csv_errors', rejects_scan = 'csv_scans'"
    try:
        # Without the fetch the scan of a large file stops early, and its errors are never written down.
        con.execute(f"select count(*) from {_read_csv(path, header, form, rejects)}").fetchall()
    except duckdb.Error as error:
        raise BadFileError(name, f"cannot be read as CSV ({first_line(error)})", SEND_AGAIN) from error
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


def ends_a_line(path: Path) -> bool:
    """Whether the last byte of the file, unpacked, is the end of a line."""
    last = b""
    with _open_bytes(path) as stream:
        while block := stream.read(1 << 20):
            last = block
    return last.endswith((b"\n", b"\r"))


def _read_csv(path: Path, header: tuple[str, ...], form: CsvFormat, extra: str) -> str:
    columns = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in header)
    nulls = ", ".join(quoted(text) for text in form.nulls)
    compression = "gzip" if path.name.endswith(".gz") else "none"
    return (
        f"read_csv({quoted(str(path))}, columns = {{{columns}}}, header = true, auto_detect = false, "
        f"delim = {quoted(form.delimiter)}, quote = {quoted(form.quote)}, escape = {quoted(form.quote)}, "
        f"nullstr = [{nulls}], max_line_size = {form.longest_line}, compression = '{compression}', "
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


def _wording(kind: str) -> str:
    words = {
        "MISSING COLUMNS": "has fewer fields than the header",
        "TOO MANY COLUMNS": "has more fields than the header",
    }
    return words.get(kind, f"is no CSV row ({kind.lower()})")
