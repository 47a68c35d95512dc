"""What the days of tables hold, as short texts: a derived day is built again when a day it reads holds something else.

Of a raw table it is a hash of the rows, of a derived one the key that its day was built with.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import duckdb

from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.literals import in_days
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.schema import Table
from uniscale.lake.lake import Lake, table_has
from uniscale.lake.partitions import built_tables, mark_tables
from uniscale.lake.stored import stored_as

_EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Contents:
    """Content of tables by day.

    Attributes:
        by_table: For each table, by qualified name, each day with rows and a text that differs when they differ.
    """

    by_table: Mapping[str, Mapping[date, str]]
    _prefixes: dict[str, tuple[list[date], list[str]]] = field(default_factory=dict, init=False, repr=False)

    def days(self, table: Table) -> Collection[date]:
        """The days of a table that hold anything."""
        return self.by_table[table.qualified].keys()

    def digest(self, table: Table, first: date, last: date) -> str:
        """Hash of what a table holds on the days ``first`` to ``last``, both inclusive.

        Args:
            table: One of ``by_table``.
            first: First day; with ``date.min`` what one pass over the days has made is looked up.
            last: Last day.
        """
        name = table.qualified
        days, prefixes = self._prefixes.get(name) or self._hash_prefixes(name)
        if first == date.min:
            return prefixes[bisect_right(days, last)]
        held, digest = self.by_table[name], hashlib.sha256()
        for day in days[bisect_left(days, first) : bisect_right(days, last)]:
            digest.update(_line(name, day, held[day]))
        return digest.hexdigest()[:16]

    def _hash_prefixes(self, name: str) -> tuple[list[date], list[str]]:
        held = self.by_table[name]
        days, digest = sorted(held), hashlib.sha256()
        prefixes = [digest.hexdigest()[:16]]
        for day in days:
            digest.update(_line(name, day, held[day]))
            prefixes.append(digest.hexdigest()[:16])
        self._prefixes[name] = days, prefixes
        return days, prefixes

    def with_built(self, tables: Iterable[Table], keys: Mapping[date, str]) -> Contents:
        """These contents, and the days of derived tables as they will be once they are built with their keys."""
        built = {table.qualified: keys for table in tables}
        found = Contents({**self.by_table, **built})
        found._prefixes.update({name: hashed for name, hashed in self._prefixes.items() if name not in built})
        return found


def _line(name: str, day: date, content: str) -> bytes:
    return f"{name} {day} {content}\n".encode()


def read_contents(lake: Lake, until: date, tables: Collection[Table] = EVENT_TABLES) -> Contents:
    """Hash every raw day up to ``until``, row order does not matter; of derived tables, read the keys of all days.

    The hash of a day is noted with the files it was read from, and read again only when the day has other files: what
    a run hashes does not grow with the age of the log.

    Args:
        lake: The lake.
        until: Last raw day.
        tables: The tables.
    """
    snapshot = lake.snapshot_id()
    by_table: dict[str, dict[date, str]] = {}
    new: dict[str, dict[date, str]] = {}
    raw = [table for table in tables if table in EVENT_TABLES]
    with lake.read(snapshot) as con:
        for table in raw:
            stored = {day: files for day, files in stored_as(con, table, snapshot).items() if day <= until}
            noted = _noted(con, table, stored)
            hashed = _by_day(con, table, [day for day in stored if day not in noted])
            new[_note(table)] = {day: f"{stored[day]} {text}" for day, text in hashed.items() if stored[day]}
            held = {day: text for day, text in {**hashed, **noted}.items() if text != _EMPTY}
            by_table[table.qualified] = held
        by_table |= built_tables(con, {table.qualified for table in tables if table not in raw})
    if any(new.values()):
        lake.commit(lambda con: mark_tables(con, new), "hashes of raw days")
    return Contents(by_table)


def stored_keys(con: duckdb.DuckDBPyConnection, derived: Iterable[Table]) -> Contents:
    """What derived tables hold: the keys that their days were built with."""
    return Contents(built_tables(con, {table.qualified for table in derived}))


def _note(table: Table) -> str:
    return f"{table.qualified}/content"


def _noted(con: duckdb.DuckDBPyConnection, table: Table, stored: Mapping[date, str | None]) -> dict[date, str]:
    """Hashes of the days that are stored as they were when they were hashed."""
    if not table_has(con, PARTITIONS):
        return {}
    query = f"select ds, build_key from lake.{PARTITIONS.qualified} where table_name = ?"
    notes = {day: key.split(" ", 1) for day, key in con.execute(query, [_note(table)]).fetchall()}
    return {day: notes[day][1] for day, files in stored.items() if day in notes and notes[day][0] == files}


def _by_day(con: duckdb.DuckDBPyConnection, table: Table, days: Collection[date]) -> dict[date, str]:
    """Hash of each of the days; nothing else is read."""
    if not days:
        return {}
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    where = in_days(sorted(days))
    rows = con.execute(
        f"select ds, count(*), sum(hash({columns})) from lake.{table.qualified} where {where} group by ds"
    ).fetchall()
    return {**dict.fromkeys(days, _EMPTY), **{day: f"{count}-{content}" for day, count, content in rows}}
