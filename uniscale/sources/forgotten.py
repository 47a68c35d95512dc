"""Keep forgotten users out: their rows are left out before anything is compared, landed or quarantined."""

from __future__ import annotations

import duckdb

from uniscale.contracts.events import REQUESTS
from uniscale.contracts.forgotten import FORGOTTEN
from uniscale.contracts.schema import Table
from uniscale.lake.forgotten import is_forgotten, told_values
from uniscale.lake.lake import table_has


def leave_out(con: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Drop the rows of forgotten users from ``checked`` and ``rejected``; call it right after `read_group`.

    Candidates name a request, not a user: those of the requests left out on this connection are dropped.

    Returns:
        Number of input rows left out.
    """
    if not table_has(con, FORGOTTEN):
        return 0
    con.execute("create temp table if not exists requests_left_out (request_id varchar)")
    if "user_id" in table.column_names:
        condition = is_forgotten("user_id")
    elif "request_id" in table.column_names:
        condition = "request_id in (select request_id from temp.requests_left_out)"
    else:
        condition = "false"
    if table is REQUESTS:
        con.execute(f"insert into temp.requests_left_out select request_id from temp.checked where {condition}")
    told = f"""
        list_has_any(
            list_transform({told_values("row_json")}, lambda v: sha256(v)),
            (select list(user_hash) from lake.{FORGOTTEN.qualified})
        )
        or list_has_any(
            json_extract_string(row_json, ['$.request_id']), (select list(request_id) from temp.requests_left_out)
        )
    """
    con.execute(
        "create or replace temp table left_out as "
        f"select file, row_number from temp.checked where {condition} "
        f"union select file, row_number from temp.rejected where {told}"
    )
    for name in ("checked", "rejected"):
        con.execute(
            f"delete from temp.{name} where (file, row_number) in (select (file, row_number) from temp.left_out)"
        )
    counted = con.execute("select count(*) from temp.left_out").fetchone()
    assert counted is not None
    return int(counted[0])
