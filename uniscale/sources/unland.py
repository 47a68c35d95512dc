"""Take landed days out of the lake again, with everything that was made from them for these days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb

from uniscale.config import Settings
from uniscale.contracts.all_tables import BUILT_BY_DBT
from uniscale.contracts.events import EVENT_TABLES, QUARANTINE
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.literals import in_days, quoted
from uniscale.contracts.outcomes import PARTITIONS, STEPS
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.schema import Table
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.lake.lake import Lake, table_has
from uniscale.lake.lost import LostPart, find_lost, take_out
from uniscale.lake.rerun import do_again
from uniscale.lake.stored import num_rows_by_day
from uniscale.sources.landed import landed_days, refuse_unknown_day

_DAILY = (
    *EVENT_TABLES,
    QUARANTINE,
    *BUILT_BY_DBT,
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
        rows: Rows by table; tables without one are left out. They are told by the catalogue, where files are lost too.
        lost: Of these days, what cannot be read because a file is lost.
    """

    days: Sequence[date]
    source: str | None
    rows: dict[str, int]
    lost: Sequence[LostPart]


def find_days(lake: Lake, first: date, last: date) -> Removal:
    """What it would take to take out the landed days from ``first`` to ``last``.

    Raises:
        ValueError: No day of the span has been landed; the message tells those there are.
        FileNotFoundError: There is no lake.
        RuntimeError: A file of the notes, or of the quarantine, is lost; the message tells what to do first.
    """
    with lake.read() as con:
        _refuse_lost_notes(lake, con)
        days = sorted(day for day in {*landed_days(con), *_raw_days(con)} if first <= day <= last)
        if not days:
            refuse_unknown_day(con, first)
        return _found(lake, con, days, None)


def find_source(lake: Lake, source: str) -> Removal:
    """What it would take to take out all days that were landed from a source last.

    Raises:
        ValueError: There is no such day; the message tells the sources there are.
        FileNotFoundError: There is no lake.
        RuntimeError: As for `find_days`.
    """
    with lake.read() as con:
        _refuse_lost_notes(lake, con)
        landed = landed_days(con)
        days = [day for day, held in landed.items() if held == source]
        if not days:
            known = ", ".join(sorted({held for held in landed.values() if held is not None})) or "none"
            untold = sum(held is None for held in landed.values())
            also = f"; {untold} days do not say theirs, name them as uniscale unland FIRST LAST" if untold else ""
            raise ValueError(f"no landed day is from {source!r}; the sources are: {known}{also}")
        return _found(lake, con, days, source)


def unland(settings: Settings, lake: Lake, removal: Removal) -> Removal:
    """Take days out, in one commit: raw and quarantined rows, derived rows of these days, and the notes on them.

    Where a file is lost, that day of that table goes by a commit of its own, the last one. Killed before it, the same
    call finishes the work, and until then nobody can read a part of the day.

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
    lost = {(part.table, part.day) for part in removal.lost}

    def work(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
        gone = _counted(con, removal.days, removal.source)
        for table in _present(con):
            days = [day for day in removal.days if (table.qualified, day) not in lost]
            con.execute(f"delete from lake.{table.qualified} where {_taken(table, days, removal.source)}")
        if table_has(con, PARTITIONS):
            con.execute(f"delete from lake.{PARTITIONS.qualified} where {in_days(removal.days)}")
        do_again(con, first_run, _INPUTS_GONE)
        return gone

    what = removal.source or f"{removal.days[0]}..{removal.days[-1]}"
    gone = lake.commit(work, f"unland {what}")
    if removal.lost:
        take_out(lake, removal.lost)
    return replace(removal, rows=gone)


def _refuse_lost_notes(lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
    """What is read and changed whatever day is taken out has to be whole."""
    tables = {table.qualified for table in (QUARANTINE, PARTITIONS, STEPS)}
    for part in find_lost(lake, con, lambda file: file.table in tables):
        raise RuntimeError(f"a file of {part.name} is lost: {part.faults[0].file.path}; run first: uniscale repair")


def _raw_days(con: duckdb.DuckDBPyConnection) -> set[date]:
    days = {day for table in EVENT_TABLES for day in num_rows_by_day(con, table)}
    if table_has(con, QUARANTINE):
        found = con.execute(f"select distinct ds from lake.{QUARANTINE.qualified} where ds is not null").fetchall()
        days |= {row[0] for row in found}
    return days


def _found(lake: Lake, con: duckdb.DuckDBPyConnection, days: Sequence[date], source: str | None) -> Removal:
    held = {table.qualified for table in _DAILY if table.partition is not None}
    lost = find_lost(lake, con, lambda file: file.table in held and file.day in days)
    return Removal(days=days, source=source, rows=_counted(con, days, source), lost=lost)


def _counted(con: duckdb.DuckDBPyConnection, days: Sequence[date], source: str | None) -> dict[str, int]:
    rows = {}
    for table in _present(con):
        if table.partition is None:
            query = f"select count(*) from lake.{table.qualified} where {_taken(table, days, source)}"
            ((num_rows,),) = con.execute(query).fetchall()
        else:
            num_rows = sum(num for day, num in num_rows_by_day(con, table).items() if day in days)
        if num_rows:
            rows[table.qualified] = int(num_rows)
    return rows


def _present(con: duckdb.DuckDBPyConnection) -> list[Table]:
    return [table for table in _DAILY if table_has(con, table)]


def _taken(table: Table, days: Sequence[date], source: str | None) -> str:
    """SQL condition for the rows that go."""
    if table is QUARANTINE and source is not None:
        return f"({in_days(days)} or (ds is null and source = {quoted(source)}))"
    return in_days(days)
