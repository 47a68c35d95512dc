"""What leaves the lake because its files have come again: days, and the former selves of rows that are bad now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import duckdb

from uniscale.contracts.events import CANDIDATES, QUARANTINE, REQUESTS
from uniscale.contracts.literals import in_days
from uniscale.contracts.schema import Table
from uniscale.sources.incoming import Incoming


def replaced(con: duckdb.DuckDBPyConnection, group: Sequence[Incoming], request_days: Collection[date]) -> set[date]:
    """Delete what the files of a group replace, and say of which days.

    Files under a day replace that day; it has been deleted already. Files of all days replace each day that a row of
    theirs belongs to, good or bad. A bad row that does not tell its day replaces the landed row with its key. The
    candidates of requests that are no longer there go with them.

    Args:
        con: Holds ``checked`` with every row that could be read, and the lake.
        group: Files of one table and day.
        request_days: Days of requests that this ingest has replaced.
    """
    table, day = group[0].table, group[0].day
    if day is not None:
        return {day}
    if table is CANDIDATES:
        _delete_orphans(con, request_days)
        days = _days(
            con, f"select distinct q.ds from lake.{REQUESTS.qualified} q semi join temp.checked using (request_id)"
        )
        delete_days(con, table, sorted(days))
        return days
    days = _days(con, "select distinct ds from temp.checked where ds is not null")
    delete_days(con, table, sorted(days))
    return days | _delete_former_selves(con, table)


def delete_days(con: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> None:
    """Delete the rows of these days and what is in quarantine of them."""
    if not days:
        return
    con.execute(f"delete from lake.{table.qualified} where {in_days(days)}")
    con.execute(f"delete from lake.{QUARANTINE.qualified} where table_name = ? and {in_days(days)}", [table.name])


def _delete_former_selves(con: duckdb.DuckDBPyConnection, table: Table) -> set[date]:
    same = " and ".join(f"l.{name} = c.{name}" for name in table.key)
    former = f"exists (select 1 from temp.checked c where c.ds is null and {same})"
    days = _days(con, f"select distinct ds from lake.{table.qualified} l where {former}")
    if not days:
        return days
    if table is REQUESTS:
        gone = f"select request_id from lake.{table.qualified} l where {former}"
        con.execute(f"delete from lake.{CANDIDATES.qualified} where request_id in ({gone})")
    con.execute(f"delete from lake.{table.qualified} l where {former}")
    return days


def _delete_orphans(con: duckdb.DuckDBPyConnection, request_days: Collection[date]) -> None:
    if request_days:
        on_days = in_days(sorted(request_days))
        con.execute(
            f"delete from lake.{CANDIDATES.qualified} where {on_days} "
            f"and request_id not in (select request_id from lake.{REQUESTS.qualified} where {on_days})"
        )


def _days(con: duckdb.DuckDBPyConnection, select: str) -> set[date]:
    return {row[0] for row in con.execute(select).fetchall()}
