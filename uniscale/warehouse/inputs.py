"""What the raw days hold, as short hashes: a derived day is rebuilt when a day it reads was landed anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.schema import Table


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


def read_raw_content(con: duckdb.DuckDBPyConnection, until: date, tables: Iterable[Table] = EVENT_TABLES) -> RawContent:
    """Hash every raw day up to ``until``; row order does not matter."""
    return RawContent({table.name: _by_day(con, table, until) for table in tables})


def _by_day(con: duckdb.DuckDBPyConnection, table: Table, until: date) -> dict[date, str]:
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    rows = con.execute(
        f"select ds, count(*), sum(hash({columns})) from lake.{table.qualified} where ds <= ? group by ds", [until]
    ).fetchall()
    return {day: f"{count} {content}" for day, count, content in rows}
