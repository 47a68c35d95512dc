"""The history of the lake: which snapshots are kept, and what made them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """One commit.

    Attributes:
        snapshot_id: Its identifier; later ones are larger.
        committed_at: UTC time (naive) of the commit; None if the snapshot has expired.
        message: What the commit was for; None if nobody said, or if the snapshot has expired.
        is_kept: Whether the lake can still be read as it was then.
    """

    snapshot_id: int
    committed_at: datetime | None
    message: str | None
    is_kept: bool


def snapshot(con: duckdb.DuckDBPyConnection, snapshot_id: int) -> Snapshot:
    """What is known of a snapshot, kept or expired.

    Args:
        con: An open lake connection.
        snapshot_id: Its identifier.
    """
    row = con.execute(
        "select snapshot_time, commit_message from ducklake_snapshots('lake') where snapshot_id = ?", [snapshot_id]
    ).fetchone()
    if row is None:
        return Snapshot(snapshot_id=snapshot_id, committed_at=None, message=None, is_kept=False)
    committed_at = row[0].astimezone(UTC).replace(tzinfo=None)
    return Snapshot(snapshot_id=snapshot_id, committed_at=committed_at, message=row[1], is_kept=True)
