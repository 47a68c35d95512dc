"""Open a text file with one row a line as an SQL query, and find the records that are no rows."""

from __future__ import annotations

import csv
import json
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from uniscale.contracts.literals import identifier, quoted
from uniscale.sources.archives import is_gzip, open_plain
from uniscale.sources.csv_format import COMMA, CsvFormat
from uniscale.sources.csv_records import RecordReader
from uniscale.sources.csv_scan import REMEDIES, Scan, scan
from uniscale.sources.incoming import BadFileError, Malformed, first_line, only_file
from uniscale.sources.other_formats import refuse_other_format

NO_NAMES = "Write the column names into the first line"


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvFile:
    """A CSV file that was gone through once.

    Attributes:
        select: SQL query with ``row_number`` and the columns asked for, as text, of the records that are rows.
        num_records: Records of the file, the malformed ones too, counted on its bytes.
        malformed: Records that ``select`` leaves out because they are no rows.
        is_cut_off: The last record is malformed and does not end its line.
    """

    select: str
    num_records: int
    malformed: tuple[Malformed, ...]
    is_cut_off: bool


def csv_header(path: Path, name: str, form: CsvFormat = COMMA) -> tuple[str, ...]:
    """Column names of a CSV file.

    Raises:
        BadFileError: It has no header, names a column twice, is not UTF-8, is a file of another kind or is packed and
            damaged.
    """
    with open_plain(path, name) as stream:
        start = stream.read(form.longest_line)
    refuse_other_format(name, start)
    reader = RecordReader(form, None)
    found = reader.read(start, 0, True)
    if found is None:
        raise BadFileError(name, "the first line names no columns", NO_NAMES)
    if found.fault is not None:
        raise BadFileError(name, f"its first line {found.fault}", REMEDIES.get(found.fault, NO_NAMES))
    text = reader.plain(start[found.start : found.end].removeprefix(b"\xef\xbb\xbf")).decode()
    cells = (
        next(csv.reader([text], delimiter=form.delimiter, quotechar=form.quote), [])
        if form.quote
        else text.split(form.delimiter)
    )
    header = tuple(cell.strip() for cell in cells)
    if not any(header):
        raise BadFileError(name, "the first line names no columns", NO_NAMES)
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        raise BadFileError(name, f"column {twice[0]!r} is named twice", "Name every column once")
    return header


def open_csv(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    header: Sequence[str],
    columns: Sequence[str],
    *,
    name: str,
    form: CsvFormat = COMMA,
) -> CsvFile:
    """Go through a CSV file once and show its rows as a query.

    A file that is plain to any CSV reader is read where it lies. Of any other, the rows are put into a temporary table
    of the connection.

    Args:
        con: Where the query will run.
        path: The file.
        header: Its column names, from `csv_header`.
        columns: Those wanted.
        name: Its name in messages.
        form: How its fields are told apart.

    Raises:
        BadFileError: It cannot be read to its end, or too many of its records are malformed.
    """
    with open_plain(path, name) as stream:
        found = scan(stream, name, form, len(header))
    named = ", ".join(f"c{header.index(column)} as {identifier(column)}" for column in columns)
    if found.is_plain:
        read = _read_csv(path, len(header), form, compression="gzip" if is_gzip(path) else "none")
        select = f"select row_number() over () as row_number, {named} from {read}"
    else:
        table = _copy_rows(con, path, found, name=name, width=len(header), form=form)
        select = f"select row_number, {named} from {table}"
    return CsvFile(
        select=select,
        num_records=found.num_records,
        malformed=tuple(found.malformed),
        is_cut_off=found.ends_in_fault,
    )


def malformed_json(bad: Malformed) -> str:
    """The malformed line as JSON, for the quarantine."""
    return json.dumps({"line": bad.line})


def _copy_rows(
    con: duckdb.DuckDBPyConnection, path: Path, found: Scan, *, name: str, width: int, form: CsvFormat
) -> str:
    """Put the rows into a temporary table, numbered as in the file; returns its name."""
    table = f"temp.{identifier(f'csv {uuid.uuid4().hex}')}"
    spill = con.execute("select current_setting('temp_directory')").fetchone()
    folder = spill[0] if spill and spill[0] and Path(spill[0]).is_dir() else None
    with tempfile.NamedTemporaryFile(prefix="rows-", suffix=".csv", dir=folder) as copy:
        with open_plain(path, name) as stream:
            scan(stream, name, form, width, copy)
        copy.flush()
        # Row k of those copied is row k + (malformed records before it) of the file.
        before = {bad.row_number - index: index + 1 for index, bad in enumerate(found.malformed)}
        shifts = ", ".join(f"({row}, {shift})" for row, shift in {0: 0, **before}.items())
        numbered = f"select *, row_number() over () as k from {_read_csv(Path(copy.name), width, form)}"
        try:
            con.execute(
                f"create temp table {table} as "
                f"with numbered as ({numbered}), shifts (k, shift) as (values {shifts}) "
                "select numbered.k + shift as row_number, numbered.* exclude (k) "
                "from numbered asof join shifts on numbered.k >= shifts.k"
            )
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            problem = f"cannot be read as CSV ({first_line(error)})"
            raise BadFileError(name, problem, "Write it again with a CSV library") from error
    return table


def _read_csv(path: Path, width: int, form: CsvFormat, compression: str = "none") -> str:
    columns = ", ".join(f"c{place}: 'VARCHAR'" for place in range(width))
    nulls = ", ".join(quoted(text) for text in form.nulls)
    return (
        f"read_csv({only_file(path)}, columns = {{{columns}}}, header = true, auto_detect = false, "
        f"delim = {quoted(form.delimiter)}, quote = {quoted(form.quote)}, escape = {quoted(form.quote)}, "
        f"nullstr = [{nulls}], max_line_size = {form.longest_line}, compression = '{compression}', "
        "hive_partitioning = false)"
    )
