"""The list of forgotten users: hashes only, so that the list itself tells nobody's identifier."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb

from uniscale.contracts.forgotten import FORGOTTEN
from uniscale.lake.lake import Lake, table_has


def user_hash(user: str) -> str:
    """SHA-256 of an identifier, as DuckDB's ``sha256`` writes it."""
    return hashlib.sha256(user.encode()).hexdigest()


def entry_of(con: duckdb.DuckDBPyConnection, user: str) -> dict[str, Any] | None:
    """The list's entry of a user, or None."""
    if not table_has(con, FORGOTTEN):
        return None
    names = FORGOTTEN.column_names
    row = con.execute(
        f"select {', '.join(names)} from lake.{FORGOTTEN.qualified} where user_hash = ?", [user_hash(user)]
    ).fetchone()
    return None if row is None else dict(zip(names, row, strict=True))


def add(con: duckdb.DuckDBPyConnection, user: str, snapshot_id: int, sample_days: Sequence[date]) -> None:
    """Put a user on the list, as not yet erased; what an earlier entry said of days and snapshot is kept with it.

    Call it inside the `Lake.commit` that deletes the rows.
    """
    Lake.create(con, FORGOTTEN)
    before = entry_of(con, user)
    days = sorted({*sample_days, *(before["sample_days"] if before else [])})
    con.execute(f"delete from lake.{FORGOTTEN.qualified} where user_hash = ?", [user_hash(user)])
    con.execute(
        f"insert into lake.{FORGOTTEN.qualified} "
        "values (?, cast(now() at time zone 'UTC' as timestamp), null, ?, ?::date[])",
        [user_hash(user), snapshot_id, days],
    )


def mark_erased(con: duckdb.DuckDBPyConnection, user: str) -> None:
    """Note that no file holds rows of the user any more."""
    con.execute(
        f"update lake.{FORGOTTEN.qualified} set erased_at = cast(now() at time zone 'UTC' as timestamp) "
        "where user_hash = ?",
        [user_hash(user)],
    )


def is_forgotten(column: str) -> str:
    """SQL condition that the identifier in ``column`` is on the list; the list must exist."""
    return f"sha256({column}) in (select user_hash from lake.{FORGOTTEN.qualified})"


def told_values(row_json: str) -> str:
    """SQL list of everything a quarantined row tells: the values of its columns, and their parts.

    Parts are what stands between commas, semicolons, tabs, bars and quotes: a line that is no row is kept as one text.
    """
    parts = f"list_transform(json_extract_string({row_json}, '$.*'), lambda v: string_split_regex(v, '[,;|\\t\"]'))"
    return f"list_concat(json_extract_string({row_json}, '$.*'), flatten({parts}))"
