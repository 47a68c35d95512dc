"""What a UBI log turned out to be, in lines for the report: every record counted once, and what was assumed of it."""

from __future__ import annotations

from typing import Any

import duckdb

from uniscale.sources.incoming import BadFileError


def describe_log(con: duckdb.DuckDBPyConnection, records: int) -> list[str]:
    """Lines about the mapped records.

    Args:
        con: Holds them.
        records: How many the files hold, counted when they were read.

    Raises:
        BadFileError: The records of the files are not all accounted for.
    """
    lines = [_accounts(con, records)]
    lines += [_place(*row) for row in _all(con, "from ubi_positions order by application")]
    if names := _all(con, _LEFT_OUT):
        counted = ", ".join(f"{name} {count:,}" for name, count in names)
        lines.append(f"left out are events of other names: {counted}; --action NAME=click (or another) takes one in")
    lines += [
        f"{application} logs queries and no impressions: none of its candidates counts as shown"
        for (application,) in _all(con, _UNSEEN)
    ]
    ((reused,),) = _all(con, "select count(*) from ubi_searches where turn = 2")
    if reused:
        lines.append(f"{reused:,} query ids go on to another text: each further text is a request of its own (ID#2)")
    return lines


_LEFT_OUT = (
    "select action_name, count(*) as n from ubi_events where meaning is null group by action_name "
    "order by n desc, action_name"
)
_UNSEEN = """
    select distinct coalesce(application, 'an application without a name') as name from ubi_queries q
    where is_whole and not exists (
        select 1 from ubi_events e where meaning = 'impression' and e.application is not distinct from q.application
    )
    order by name
"""
_COUNTS = """
    select
        (select count(*) from ubi_misfits),
        (select count(*) from ubi_queries where is_request),
        (select count(*) from ubi_queries where not is_request),
        (select count(*) from ubi_impressions),
        (select count(*) from ubi_events where is_shown_again),
        (select count(*) from ubi_actions),
        (select count(*) from ubi_events where meaning is null)
"""


def _accounts(con: duckdb.DuckDBPyConnection, records: int) -> str:
    (parts,) = _all(con, _COUNTS)
    if sum(parts) != records:
        raise BadFileError("the log", f"{records} records were read and {sum(parts)} mapped", "Report this as a fault")
    misfits, requests, again, impressions, shown_again, actions, left_out = (f"{part:,}" for part in parts)
    return (
        f"{records:,} records: {requests} queries ({again} logged again), {impressions} impressions "
        f"({shown_again} shown again), {actions} actions, {left_out} left out, {misfits} malformed"
    )


def _place(application: str | None, at_0: int, at_1: int, told_from: int | None, positions_from: int) -> str:
    name = application or "events without an application"
    if told_from is not None:
        return f"{name}: positions count from {positions_from}, as told"
    why = f"{at_0:,} lists begin at 0, {at_1:,} at 1"
    advice = f"--positions-from {name}={1 - positions_from} if that is wrong"
    return f"{name}: positions count from {positions_from} ({why}; {advice})"


def _all(con: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return con.execute(sql).fetchall()
