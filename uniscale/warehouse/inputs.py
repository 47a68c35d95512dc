"""What the raw days hold, as short hashes: a derived day is rebuilt when a day it reads was landed again."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.schema import Table
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.lake.partitions import mark_tables
from uniscale.lake.stored import stored_as

_EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class RawContent:
    """Content of the raw tables by day.

    Attributes:
        by_table: For each raw table name, each day with rows and a text that differs when the day's rows differ.
    """

    by_table: dict[str, dict[date, str]]

    def digest(self, tables: Iterable[str], first: date, last: date) -> str:
        """Hash of the rows of ``tables`` on the days ``first`` to ``last``, both inclusive."""
        digest = hashlib.sha256()
        for table in tables:
            days = self.by_table[table]
            for day in sorted(day for day in days if first <= day <= last):
                digest.update(f"{table} {day} {days[day]}\n".encode())
        return digest.hexdigest()[:16]


def read_raw_content(lake: Lake, until: date, tables: Iterable[Table] = EVENT_TABLES) -> RawContent:
    """Hash every raw day up to ``until``; row order does not matter.

    The hash of a day is noted with the files it was read from, and read again only when the day has other files: what
    a run hashes does not grow with the age of the log.
    """
    snapshot = lake.snapshot_id()
    by_table: dict[str, dict[date, str]] = {}
    new: dict[str, dict[date, str]] = {}
    with lake.read(snapshot) as con:
        for table in tables:
            stored = {day: files for day, files in stored_as(con, table, snapshot).items() if day <= until}
            noted = _noted(con, table, stored)
            hashed = _by_day(con, table, [day for day in stored if day not in noted])
            new[_note(table)] = {day: f"{stored[day]} {text}" for day, text in hashed.items() if stored[day]}
            by_table[table.name] = {day: text for day, text in {**hashed, **noted}.items() if text != _EMPTY}
    if any(new.values()):
        lake.commit(lambda con: mark_tables(con, new), "hashes of raw days")
    return RawContent(by_table)


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
    listed = ", ".join(f"date '{day}'" for day in sorted(days))
    rows = con.execute(
        f"select ds, count(*), sum(hash({columns})) from lake.{table.qualified} where ds in ({listed}) group by ds"
    ).fetchall()
    return {**dict.fromkeys(days, _EMPTY), **{day: f"{count}-{content}" for day, count, content in rows}}
