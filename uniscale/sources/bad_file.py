"""When so many rows of a file are bad that the file is."""

from __future__ import annotations

import duckdb

from uniscale.sources.contradictions import AGAIN, EARLY
from uniscale.sources.csv_scan import REMEDIES
from uniscale.sources.incoming import BadFileError, Incoming

MAX_BAD_SHARE = 0.5
"""A file with a larger share of rows that fail for one and the same reason is a bad file, not a file with bad rows."""


def refuse_bad_file(con: duckdb.DuckDBPyConnection, incoming: Incoming) -> None:
    """Refuse a file most of whose rows were rejected for one and the same reason.

    Raises:
        BadFileError: With the reason, the first such rows and what to do.
    """
    counted = con.execute("select count(*) from temp.checked where file = ?", [incoming.file]).fetchone()
    assert counted is not None
    total = counted[0] + len(incoming.malformed)
    worst = con.execute(
        "select column_name, reason, count(*) as n from temp.rejected where file = ? group by all "
        "order by n desc, column_name, reason limit 1",
        [incoming.file],
    ).fetchone()
    if worst is None or worst[2] <= MAX_BAD_SHARE * total:
        return
    column, reason, count = worst
    rows = con.execute(
        "select row_number, row_json from temp.rejected where file = ? and column_name = ? and reason = ? "
        "order by row_number limit 3",
        [incoming.file, column, reason],
    ).fetchall()
    shown = "; ".join(f"row {row}: {_shown(row_json)}" for row, row_json in rows)
    what = f"column {column} {reason}" if column else reason
    raise BadFileError(
        incoming.file,
        f"{what} in {count} of {total} rows. First bad rows: {shown}",
        f"A few such rows would go to quarantine, but not more than {MAX_BAD_SHARE:.0%} of a file; "
        + _remedy(column, reason),
    )


def _remedy(column: str, reason: str) -> str:
    if column == "domain":
        return 'declare the domain in uniscale.toml (domains = ["search", ...]) or mend the column'
    if column == "request_id" and "no landed request" in reason:
        return "ingest the requests of these days together with their candidates"
    if reason == AGAIN:
        return "the same rows seem to have been written or sent twice: take one copy away"
    if reason == EARLY or reason.startswith("is before acted_at"):
        return "the clocks of the logs disagree: write every time in UTC, or with its offset"
    if "between the years" in reason:
        return "the times seem to be in another unit, or 0 stands for a missing time"
    return REMEDIES.get(reason, "mend the source and ingest again")


def _shown(row_json: str) -> str:
    return row_json if len(row_json) <= 200 else row_json[:200] + "..."
