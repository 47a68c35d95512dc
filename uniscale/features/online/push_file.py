"""Read a file of actions to push: every identifier byte for byte, every row that is no action named by its number."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from uniscale.contracts.events import ACTIONS_TABLE
from uniscale.contracts.schema import Column
from uniscale.features.online.push_rules import COLUMNS
from uniscale.sources.casts import WORDS, cast, define_macros, is_accepted

_CONTRACT = {column.name: column for column in ACTIONS_TABLE.columns}


Rows = list[dict[str, Any]]


def read_actions(file: Path) -> pa.Table:
    """Read actions from a ``.parquet``, ``.jsonl`` or ``.csv`` file.

    Nobody guesses types: what CSV and JSON say of an identifier is taken as the text it is, and times are read as
    ``uniscale ingest`` reads them. An action of a text file has a line of its own.

    Returns:
        ``row_number`` (first is 1), `COLUMNS` and ``fault``: why a row cannot be read, NULL if it can.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Its ending is unknown, it cannot be read, or it lacks a column.
    """
    readers: dict[str, Callable[[Path], pa.Table]] = {
        ".parquet": _read_parquet,
        ".jsonl": _read_json_lines,
        ".csv": _read_csv,
    }
    if file.suffix not in readers:
        raise ValueError(f"{file} must end in {', '.join(readers)}")
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist")
    return _typed(file, readers[file.suffix](file))


def _read_parquet(file: Path) -> pa.Table:
    with duckdb.connect() as con:
        try:
            return con.execute(
                "select * exclude (file_row_number), file_row_number + 1 as row_number, cast(null as varchar) as fault "
                "from read_parquet([?], file_row_number = true, hive_partitioning = false)",
                [str(file)],
            ).to_arrow_table()
        except duckdb.Error as error:
            raise ValueError(f"{file} cannot be read as Parquet: {error}") from error


def _read_json_lines(file: Path) -> pa.Table:
    rows: Rows = []
    for number, line in _lines(file, rows):
        try:
            # Numbers stay the text they are: 10000000000000000000001, 1767607200000.
            told = json.loads(line, parse_int=str, parse_float=str, object_pairs_hook=_without_repeats)
            rows.append({"row_number": number, **_texts(told)})
        except (ValueError, RecursionError) as error:
            rows.append({"row_number": number, "fault": f"is no action in JSON ({error}): {line[:80]}"})
    return _text_table(rows)


def _read_csv(file: Path) -> pa.Table:
    rows: Rows = []
    lines = _lines(file, rows, first=0)
    header = _cells(next(lines, (0, ""))[1])
    if header is None or set(COLUMNS) - set(header):
        lacking = ", ".join(name for name in COLUMNS if name not in (header or ()))
        raise ValueError(
            f"{file} lacks {lacking}; its first line names the columns, and an action has {', '.join(COLUMNS)}"
        )
    for number, line in lines:
        cells = _cells(line)
        if cells is None:
            reason = f"has a quotation mark that opens or closes in the wrong place: {line[:80]}"
        elif len(cells) != len(header):
            fewer = "fewer" if len(cells) < len(header) else "more"
            reason = f"has {fewer} fields than the header ({len(cells)}, not {len(header)}): {line[:80]}"
        else:
            rows.append({"row_number": number, **{n: c or None for n, c in zip(header, cells, strict=True)}})
            continue
        rows.append({"row_number": number, "fault": reason})
    return _text_table(rows)


def _lines(file: Path, rows: Rows, first: int = 1) -> Iterator[tuple[int, str]]:
    """The lines that hold something, with their number; one that is not UTF-8 goes to ``rows`` as a fault."""
    content = file.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{file} is UTF-16; write it in UTF-8")
    lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").split(b"\n")
    for number, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        try:
            yield number, line.decode()
        except UnicodeDecodeError:
            rows.append({"row_number": number, "fault": f"is not UTF-8: {line[:80]!r}"})


def _cells(line: str) -> list[str] | None:
    """The fields of a CSV line; None if its quotation marks do not fit."""
    try:
        (cells,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        return None
    return cells


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]} is named twice")
    return dict(pairs)


def _texts(told: Any) -> dict[str, str | None]:
    if not isinstance(told, dict):
        raise ValueError("it is no object")
    row = {name: told.get(name) for name in COLUMNS}
    for name, value in row.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} is no text")
        if value is not None:
            value.encode()  # half of a surrogate pair is no text
    return row


def _text_table(rows: Rows) -> pa.Table:
    texts = [(name, pa.string()) for name in (*COLUMNS, "fault")]
    return pa.Table.from_pylist(rows, schema=pa.schema([("row_number", pa.int64()), *texts]))


def _typed(file: Path, rows: pa.Table) -> pa.Table:
    """Identifiers as text, times in UTC, and what is wrong with the times."""
    lacking = [name for name in COLUMNS if name not in rows.column_names]
    if lacking:
        raise ValueError(f"{file} lacks {', '.join(lacking)}; an action has {', '.join(COLUMNS)}")
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        define_macros(con)
        con.register("rows", rows)
        types = {row[0]: row[1] for row in con.execute("describe rows").fetchall()}
        values, faults = [], ["fault"]
        for name in COLUMNS:
            column = _CONTRACT[name]
            _refuse_type(file, column, types[name])
            read = cast(column, types[name], f'"{name}"')
            is_time = column.type == "TIMESTAMP"
            values.append(f"timezone('UTC', {read.value}) as \"{name}\"" if is_time else f'{read.value} as "{name}"')
            wrong = f"{read.value} is null and not {read.is_missing}"
            faults.append(f"case when {wrong} then '{name} ' || {read.fault} || ': ' || \"{name}\" end")
        fault = f"nullif(concat_ws(' and ', {', '.join(faults)}), '') as fault"
        query = f"select row_number, {', '.join(values)}, {fault} from rows order by row_number"
        return con.execute(query).to_arrow_table()


def _refuse_type(file: Path, column: Column, sql_type: str) -> None:
    if not is_accepted(column, sql_type):
        raise ValueError(
            f"{file}: column {column.name} has type {sql_type}, which is not {WORDS[column.type]}; "
            f"write it as {column.type}"
        )
