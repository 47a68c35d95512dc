"""Find the files of a UBI log and put every record into one table, whatever they are packed in.

A record is a row of a Parquet file or a line of JSON: in a bulk file (a line before it names the index), in a dump (the
line holds ``_index`` and ``_source``) or by itself. Where nothing else names the index, the file's name does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from uniscale.sources.incoming import SEND_AGAIN, BadFileError, first_line
from uniscale.sources.json_lines import Line, json_lines
from uniscale.sources.reading import parquet_select

LINES = (".ndjson", ".jsonl", ".json", ".ndjson.gz", ".jsonl.gz", ".json.gz")
PARQUET = ".parquet"
_WANTED = (
    "give a bulk file (.ndjson, packed or not), or the folder of the dumps ubi_queries and ubi_events "
    f"({', '.join((*LINES, PARQUET))})"
)
_NO_DATA = ("", ".md", ".txt")

_SCHEMA = pa.schema(
    [
        ("part", pa.int32()),
        ("row_number", pa.int64()),
        ("told_index", pa.string()),
        ("line", pa.string()),
        ("reason", pa.string()),
    ]
)
_COLUMNS = "part int, row_number bigint, told_index varchar, line varchar, reason varchar"
_BATCH = 20_000
_BULK = re.compile(r'\s*\{\s*"(index|create|update|delete)"\s*:')


@dataclass(frozen=True, kw_only=True, slots=True)
class UbiPart:
    """One file of a log.

    Attributes:
        name: Path below the folder, as messages and the quarantine show it.
        path: Where it is.
    """

    name: str
    path: Path

    @property
    def is_parquet(self) -> bool:
        """Whether its records are rows instead of lines."""
        return self.name.lower().endswith(PARQUET)


def ubi_parts(path: Path) -> list[UbiPart]:
    """The file, or all files of the folder and of the folders in it, by name.

    Raises:
        FileNotFoundError: There is nothing to read.
        ValueError: A file is of a kind that is not read.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; {_WANTED}")
    paths = [path] if path.is_file() else [file for entry in _visible(path) for file in _files(entry)]
    parts = [UbiPart(name=str(p.relative_to(path if path.is_dir() else path.parent)), path=p) for p in paths]
    for part in parts:
        if not part.path.is_file() or not part.name.lower().endswith((*LINES, PARQUET)):
            raise ValueError(f"{part.path} is no file of UBI records; {_WANTED}")
    if not parts:
        raise FileNotFoundError(f"{path} holds no records; {_WANTED}")
    return parts


def load_records(con: duckdb.DuckDBPyConnection, parts: Sequence[UbiPart]) -> int:
    """Put the records of the parts into the temporary table ``ubi_lines``.

    A row is one record: ``part`` (its place in ``parts``), ``row_number`` (line of a text, row of a Parquet file),
    ``told_index`` (what names its index from outside), ``line`` (its JSON), ``reason`` (why it can be no record).

    Returns:
        How many records were read.

    Raises:
        BadFileError: A file cannot be read to its end, or holds no record.
    """
    con.execute(f"create or replace temp table ubi_lines ({_COLUMNS})")
    records = 0
    for index, part in enumerate(parts):
        insert = _insert_parquet if part.is_parquet else _insert_lines
        found = insert(con, index, part)
        if found == 0:
            raise BadFileError(part.name, "the file holds no record", SEND_AGAIN)
        records += found
    return records


def _insert_parquet(con: duckdb.DuckDBPyConnection, index: int, part: UbiPart) -> int:
    select = parquet_select(con, part.path, part.name)
    insert = f"insert into ubi_lines select ?, row_number, ?, cast(to_json(r) as varchar), null from ({select}) r"
    try:
        row = con.execute(insert, [index, part.name]).fetchone()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise BadFileError(part.name, f"cannot be read to its end ({first_line(error)})", SEND_AGAIN) from error
    assert row is not None
    return int(row[0])


def _insert_lines(con: duckdb.DuckDBPyConnection, index: int, part: UbiPart) -> int:
    found = 0
    records = _records(part)
    while rows := [(index, *record) for record in islice(records, _BATCH)]:
        con.register("ubi_batch", pa.table(list(zip(*rows, strict=True)), schema=_SCHEMA))
        con.execute("insert into ubi_lines from ubi_batch")
        con.unregister("ubi_batch")
        found += len(rows)
    return found


def _records(part: UbiPart) -> Iterator[tuple[int, str, str, str | None]]:
    """Number, index, text and reason of every record; a bulk file's line before a record names its index."""
    before: Line | None = None
    told: str | None = None
    for line in json_lines(part.path, part.name):
        action = _bulk_action(line)
        if action is None:
            yield line.number, told or part.name, line.text, line.reason
            before = told = None
            continue
        if before is not None:
            yield before.number, told or part.name, before.text, _NO_RECORD
        before, told = line, _index_name(action)
    if before is not None:
        problem = f"is cut off: line {before.number} announces a record, and there is none"
        raise BadFileError(part.name, problem, SEND_AGAIN)


_NO_RECORD = "announces a record that does not follow"


def _bulk_action(line: Line) -> dict[str, Any] | None:
    """The action of a bulk file's line; None if the line is a record."""
    if line.reason is not None or _BULK.match(line.text) is None:
        return None
    try:
        told = json.loads(line.text)
    except ValueError:
        return None
    if len(told) != 1:
        return None
    (action,) = told.values()
    return action if isinstance(action, dict) else None


def _index_name(action: dict[str, Any]) -> str | None:
    name = action.get("_index")
    return name if isinstance(name, str) else None


def _files(entry: Path) -> list[Path]:
    found = _visible(entry) if entry.is_dir() else [entry]
    return [path for path in found if path.is_dir() or path.suffix.lower() not in _NO_DATA]


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))
