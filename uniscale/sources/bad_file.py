"""When so many rows of a file are bad that the file is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from uniscale.sources.contradictions import AGAIN, EARLY
from uniscale.sources.csv_scan import REMEDIES
from uniscale.sources.incoming import BadFileError, Incoming

MAX_BAD_SHARE = 0.5
"""A file with a larger share of rows that fail for one and the same reason is a bad file, not a file with bad rows."""

_VALUES_KEPT, _VALUES_TOLD = 10, 3

FROM_EPOCH = {
    "seconds": "convert them with to_timestamp(x) in SQL or to_datetime(x, unit='s') in pandas",
    "milliseconds": "convert them with epoch_ms(x) in SQL or to_datetime(x, unit='ms') in pandas",
    "microseconds": "convert them with make_timestamp(x) in SQL or to_datetime(x, unit='us') in pandas",
    "nanoseconds": "convert them with make_timestamp_ns(x) in SQL or to_datetime(x, unit='ns') in pandas",
}
"""What makes a time of a number that counts from 1970, by its unit."""

_CLOCKS = "the clocks of the logs disagree: write every time in UTC, or with its offset"
_REMEDIES = (
    ("domain", "", 'declare the domain in uniscale.toml (domains = ["search", ...]) or correct the column'),
    (
        "action",
        "is none of",
        "give each kind of action the contract's name for it, and leave rows of other kinds (views) out",
    ),
    ("request_id", "no landed request", "ingest the requests of these days together with their candidates"),
    ("", AGAIN, "the same rows seem to have been written or sent twice: take one copy away"),
    ("", EARLY, _CLOCKS),
    ("", "is before acted_at", _CLOCKS),
    *(("", f" {unit} since 1970", f"write times as text or TIMESTAMP: {how}") for unit, how in FROM_EPOCH.items()),
    (
        "",
        "zone that is not known",
        "write the offset (+01:00) or the region (Europe/Berlin); letters such as CST name several zones",
    ),
    ("", "skip or show twice", "write these times with their offset (+01:00)"),
    ("", "between the years", "the times seem to be in another unit, or 0 stands for a missing time"),
)
"""Column, part of the reason, and what to do; the first that fits, where an empty column is any."""


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
    values = found_values(con, "file = ? and column_name = ? and reason = ?", [incoming.file, column, reason])
    told = told_values(values.get((column, reason), {}), count)
    what = f"column {column} {reason}" if column else reason
    raise BadFileError(
        incoming.file,
        f"{what} in {count} of {total} rows. First bad rows: {shown}" + (f". Found: {told}" if told else ""),
        f"A few such rows would go to quarantine, but not more than {MAX_BAD_SHARE:.0%} of a file; "
        + _remedy(column, reason),
    )


def found_values(
    con: duckdb.DuckDBPyConnection, where: str = "true", values: Sequence[str] = ()
) -> dict[tuple[str, str], dict[str, int]]:
    """The most frequent wrong values among the rejected rows, with their rows, by column and reason."""
    rows = con.execute(
        "select column_name, reason, found, count(*) as n from temp.rejected "
        f"where found is not null and {where} group by column_name, reason, found "
        f"qualify row_number() over (partition by column_name, reason order by n desc, found) <= {_VALUES_KEPT} "
        "order by column_name, reason, n desc, found",
        list(values),
    ).fetchall()
    kept: dict[tuple[str, str], dict[str, int]] = {}
    for column, reason, found, number in rows:
        kept.setdefault((column, reason), {})[found] = number
    return kept


def told_values(values: Mapping[str, int], rows: int) -> str:
    """Wrong values in words: ``'view' 812 times, 'open' once, ...``; empty if there are none."""
    most = sorted(values.items(), key=lambda value: (-value[1], value[0]))[:_VALUES_TOLD]
    told = [f"{value!r} {'once' if number == 1 else f'{number:,} times'}" for value, number in most]
    more = bool(told) and sum(number for _, number in most) < rows
    return ", ".join([*told, "..."] if more else told)


def _remedy(column: str, reason: str) -> str:
    told = (remedy for at, part, remedy in _REMEDIES if at in {column, ""} and part in reason)
    return next(told, REMEDIES.get(reason, "correct the source and ingest again"))


def _shown(row_json: str) -> str:
    return row_json if len(row_json) <= 200 else row_json[:200] + "..."
