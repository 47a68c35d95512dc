"""Take landed days out of the lake again, with everything that was made from them for these days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from uniscale.config import Settings
from uniscale.contracts.carried import CARRIED_TABLES
from uniscale.contracts.events import EVENT_TABLES, QUARANTINE
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.marts import MART_TABLES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.schema import Table
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.lake.lake import Lake, table_has
from uniscale.lake.ledger import do_again
from uniscale.sources.landed import landed_days, refuse_unknown_day

_DAILY = (
    *EVENT_TABLES,
    QUARANTINE,
    *MART_TABLES,
    *CARRIED_TABLES,
    *FEATURE_TABLES,
    SEQUENCES,
    SEQUENCE_LENGTHS,
    SAMPLES,
    OUTSIDE_CLICKS,
    FRAMES,
)
"""Tables that hold a landed day, or what was made for it. What runs found out (predictions, metrics) is history."""

_INPUTS_GONE = "unlanded"
"""Input key of a finished step whose inputs were taken out: no run has it, so the step is done again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """Days to take out, or taken out.

    Attributes:
        days: The days, in order.
        source: The source that is taken out as a whole, with its quarantined rows that have no day; else None.
        rows: Rows by table; tables without one are left out.
    """

    days: Sequence[date]
    source: str | None
    rows: dict[str, int]


def find_days(lake: Lake, first: date, last: date) -> Removal:
    """What it would take to take out the landed days from ``first`` to ``last``.

    Raises:
        ValueError: No day of the span has been landed; the message tells those there are.
        FileNotFoundError: There is no lake.
    """
    with lake.read() as con:
        days = sorted(day for day in {*landed_days(con), *_raw_days(con)} if first <= day <= last)
        if not days:
            refuse_unknown_day(con, first)
        return _counted(con, days, None)


def find_source(lake: Lake, source: str) -> Removal:
    """What it would take to take out all days that were landed from a source last.

    Raises:
        ValueError: There is no such day; the message tells the sources there are.
        FileNotFoundError: There is no lake.
    """
    with lake.read() as con:
        landed = landed_days(con)
        days = [day for day, held in landed.items() if held == source]
        if not days:
            known = ", ".join(sorted({held for held in landed.values() if held is not None})) or "none"
            untold = sum(held is None for held in landed.values())
            also = f"; {untold} days do not say theirs, name them as uniscale unland FIRST LAST" if untold else ""
            raise ValueError(f"no landed day is from {source!r}; the sources are: {known}{also}")
        return _counted(con, days, source)


def unland(settings: Settings, lake: Lake, removal: Removal) -> Removal:
    """Take days out, in one commit: raw and quarantined rows, derived rows of these days, and the notes on them.

    What other days have from them (histories, attributions, statistics) is built again when a run needs it: its build
    keys cover the raw rows it reads, and the steps of the runs that read the days are marked as to do again.

    Args:
        settings: The installation.
        lake: Its lake.
        removal: As `find_days` or `find_source` gives it.

    Returns:
        The same days with the rows that were deleted.
    """
    first_run = min(removal.days) - timedelta(days=settings.window.eval_days)  # a run reads the test days after it

    def work(con: duckdb.DuckDBPyConnection) -> Removal:
        gone = _counted(con, removal.days, removal.source)
        for table in _present(con):
            con.execute(f"delete from lake.{table.qualified} where {_taken(table, removal.source)}", [removal.days])
        if table_has(con, PARTITIONS):
            con.execute(
                f"delete from lake.{PARTITIONS.qualified} where ds in (select unnest(?::date[]))", [removal.days]
            )
        do_again(con, first_run, _INPUTS_GONE)
        return gone

    what = removal.source or f"{removal.days[0]}..{removal.days[-1]}"
    return lake.commit(work, f"unland {what}")


def _raw_days(con: duckdb.DuckDBPyConnection) -> set[date]:
    days: set[date] = set()
    for table in (*EVENT_TABLES, QUARANTINE):
        if table_has(con, table):
            found = con.execute(f"select distinct ds from lake.{table.qualified} where ds is not null").fetchall()
            days |= {row[0] for row in found}
    return days


def _counted(con: duckdb.DuckDBPyConnection, days: Sequence[date], source: str | None) -> Removal:
    rows = {}
    for table in _present(con):
        query = f"select count(*) from lake.{table.qualified} where {_taken(table, source)}"
        counted = con.execute(query, [days]).fetchone()
        assert counted is not None
        if counted[0]:
            rows[table.qualified] = int(counted[0])
    return Removal(days=days, source=source, rows=rows)


def _present(con: duckdb.DuckDBPyConnection) -> list[Table]:
    return [table for table in _DAILY if table_has(con, table)]


def _taken(table: Table, source: str | None) -> str:
    """SQL condition for the rows that go; takes the days as its parameter."""
    on_days = "ds in (select unnest(?::date[]))"
    if table is QUARANTINE and source is not None:
        name = source.replace("'", "''")
        return f"({on_days} or (ds is null and source = '{name}'))"
    return on_days
