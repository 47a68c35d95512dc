"""Rows that are good by themselves and contradict another: of their own files, or of what has been landed."""

from __future__ import annotations

import duckdb

from uniscale.contracts.literals import quoted
from uniscale.contracts.schema import Table
from uniscale.sources.incoming import Incoming

GOOD = "select c.* from temp.checked c anti join temp.rejected r using (file, row_number)"
"""SQL of the rows nothing has been said against so far."""

EARLY = "is before the time of its request"
AGAIN = "repeats an earlier row, value for value"


def reject_contradictions(con: duckdb.DuckDBPyConnection, incoming: Incoming) -> None:
    """Move rows of ``checked`` that contradict others to ``rejected``.

    Args:
        con: Holds both, and the lake.
        incoming: Any of the files that were read: says which table and day the rows are of.
    """
    table = incoming.table
    if table.name == "candidates":
        _reject_unknown_requests(con, incoming)
    else:
        _reject_landed_keys(con, table)
    if table.name == "actions":
        _reject_early_actions(con, table)
    _reject_repeated_keys(con, table)


def _reject_unknown_requests(con: duckdb.DuckDBPyConnection, incoming: Incoming) -> None:
    where, reason = "true", "names no landed request"
    if incoming.day is not None:
        where, reason = f"q.ds = date '{incoming.day}'", "names no landed request of the folder's day"
    known = f"exists (select 1 from lake.raw.requests q where {where} and q.request_id = good.request_id)"
    _reject(con, incoming.table, f"select * from ({GOOD}) good where not {known}", "request_id", quoted(reason))


def _reject_landed_keys(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    same = " and ".join(f"l.{name} = good.{name}" for name in table.key)
    landed = f"exists (select 1 from lake.{table.qualified} l where {same})"
    reason = quoted("is a key that another landed day already has")
    _reject(con, table, f"select * from ({GOOD}) good where {landed}", table.key[0], reason)


def _reject_early_actions(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """An action cannot answer a request that was made later; a request that is not in the lake is not judged."""
    early = f"""
        select good.* from ({GOOD}) good join lake.raw.requests q on q.request_id = good.request_id
        where good.acted_at < q.requested_at
    """
    _reject(con, table, early, "acted_at", quoted(EARLY))


def _reject_repeated_keys(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Keep one row of each key: the first by its values, so that the order of rows and files does not matter."""
    keys = ", ".join(table.key)
    again = f"""
        with good as ({GOOD}),
        repeated as (select {keys} from good group by all having count(*) > 1),
        told as (select good.*, {_packed(table)} as told from good semi join repeated using ({keys}))
        select * exclude (told), first_value(told) over kept is not distinct from told as is_same
        from told
        window kept as (partition by {keys} order by told, file, row_number)
        qualify row_number() over kept > 1
    """
    other = f"repeats the {' and '.join(table.key)} of another row with other values"
    reason = f"case when is_same then {quoted(AGAIN)} else {quoted(other)} end"
    _reject(con, table, again, table.key[0], reason)


def _reject(con: duckdb.DuckDBPyConnection, table: Table, select: str, column: str, reason: str) -> None:
    """``reason`` is SQL over the selected rows."""
    con.execute(
        f"insert into temp.rejected select file, row_number, ds, {quoted(column)}, {reason}, null, "
        f"cast(to_json({_packed(table)}) as varchar) from ({select})"
    )


def _packed(table: Table) -> str:
    columns = ", ".join(f'"{c.name}" := "{c.name}"' for c in table.columns if c.name != "ds")
    return f"struct_pack({columns})"
