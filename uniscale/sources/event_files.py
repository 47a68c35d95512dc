"""Which files of a folder of contract logs hold which table and day.

No file is passed over in silence: what cannot be read is refused by name. Names that begin with ``.`` or ``_`` are not
data (hidden files, markers such as ``_SUCCESS``), and neither are texts next to the tables (``README``, ``notes.txt``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.schema import Table

SUFFIXES = (".parquet", ".csv", ".csv.gz")
"""Ends of the names of files that can be read, in upper or lower case."""
_TEXTS = ("", ".txt", ".md", ".rst", ".html", ".pdf")
_REMEDIES = {
    ".parquet.gz": "Parquet is packed within: unpack it (gunzip)",
    ".zst": "unpack it (zstd -d), or pack it with gzip",
    ".bz2": "unpack it (bunzip2), or pack it with gzip",
    ".xz": "unpack it (unxz), or pack it with gzip",
    ".lz4": "unpack it (lz4 -d), or pack it with gzip",
    ".zip": "unpack it (unzip)",
    ".gz": "unpack it (gunzip); if it holds CSV, name it .csv.gz",
    ".json": "write it as Parquet or CSV",
    ".jsonl": "write it as Parquet or CSV",
    ".ndjson": "write it as Parquet or CSV",
    ".tsv": "write it with commas, as .csv",
    ".orc": "write it as Parquet or CSV",
    ".avro": "write it as Parquet or CSV",
    ".xlsx": "export it as CSV",
    ".tmp": "it seems that it is still being written: wait, or take it away",
    ".part": "it seems that it is still being written: wait, or take it away",
}
_TABLES = {table.name: table for table in EVENT_TABLES}
_LAYOUT = "expected TABLE/ds=YYYY-MM-DD/*.parquet (or .csv, .csv.gz), or one TABLE.parquet per table"


@dataclass(frozen=True, kw_only=True, slots=True)
class EventFile:
    """One file of contract logs.

    Attributes:
        table: Contract table it holds.
        path: Where it is.
        name: Path below the folder, as messages and the quarantine show it.
        day: Day of its ``ds=`` folder; None for a file that holds all days of its table.
    """

    table: Table
    path: Path
    name: str
    day: date | None


def event_files(folder: Path, first: date | None = None, last: date | None = None) -> list[EventFile]:
    """All log files of a folder, by day, then table, then name.

    Args:
        folder: Holds one folder or file per contract table.
        first: Leave out days before this one.
        last: Leave out days after this one.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: It holds something that is no contract table or day, or nothing at all.
    """
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist; give the folder of the event logs")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; give the folder that holds the tables: {_LAYOUT}")
    files = [file for entry in _visible(folder) for file in _table_files(folder, entry)]
    if not files:
        raise ValueError(f"{folder} holds no event logs; {_LAYOUT}, where TABLE is one of {', '.join(_TABLES)}")
    if first is not None or last is not None:
        files = _between(files, first, last)
    order = list(_TABLES)
    return sorted(files, key=lambda f: (f.day or date.min, order.index(f.table.name), f.name))


def _table_files(folder: Path, entry: Path) -> Iterable[EventFile]:
    if entry.is_dir():
        table = _table(entry, entry.name)
        return [file for day in _visible(entry) for file in _day_files(folder, table, day)]
    name = entry.name.split(".", 1)[0]
    if entry.suffix.lower() in _TEXTS and name not in _TABLES:
        return []
    _refuse_unreadable(entry)
    return [EventFile(table=_table(entry, name), path=entry, name=entry.name, day=None)]


def _day_files(folder: Path, table: Table, entry: Path) -> Iterable[EventFile]:
    try:
        day = date.fromisoformat(entry.name.removeprefix("ds=")) if entry.name.startswith("ds=") else None
    except ValueError:
        day = None
    if day is None or not entry.is_dir():
        raise ValueError(f"{entry} is no day of table {table.name}; {_LAYOUT}")
    paths = _visible(entry)
    for path in paths:
        _refuse_unreadable(path)
    return [EventFile(table=table, path=path, name=str(path.relative_to(folder)), day=day) for path in paths]


def _refuse_unreadable(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; put its files next to it, or begin its name with _ to leave it out")
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        remedy = next((told for ending, told in _REMEDIES.items() if name.endswith(ending)), "write it as one of these")
        raise ValueError(
            f"{path} cannot be read: files are {', '.join(SUFFIXES)}; {remedy}. If it is no data, take it away or "
            "begin its name with _"
        )


def _table(entry: Path, name: str) -> Table:
    if name in _TABLES:
        return _TABLES[name]
    close = difflib.get_close_matches(name, _TABLES, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise ValueError(f"{entry} is no contract table; {hint}The tables are {', '.join(_TABLES)}; move other files away")


def _between(files: list[EventFile], first: date | None, last: date | None) -> list[EventFile]:
    whole = [file.name for file in files if file.day is None]
    if whole:
        raise ValueError(f"--from and --to need folders TABLE/ds=YYYY-MM-DD, but {whole[0]} holds all days in one file")
    chosen = [f for f in files if f.day and (first or date.min) <= f.day <= (last or date.max)]
    if not chosen:
        days = sorted({f.day for f in files if f.day})
        raise ValueError(f"no logs between {first or 'the start'} and {last or 'the end'}; days {days[0]}..{days[-1]}")
    return chosen


def _visible(folder: Path) -> list[Path]:
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))
    for path in visible:
        if not path.name.isprintable():  # nor is a name whose bytes are not UTF-8
            raise ValueError(f"{folder} holds a file called {path.name!r}; rename it: its signs cannot be printed")
    return visible
