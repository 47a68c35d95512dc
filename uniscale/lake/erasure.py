"""Make deleted rows unreadable: the files that held them are rewritten, and the past that needs them is dropped.

A delete only marks rows. Their bytes stay in Parquet files, in the catalogue (rows of small commits, smallest and
largest values of files) and in every snapshot that still sees them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import duckdb

from uniscale.lake.lake import DELETE_ORPHANS, Lake

_STATEMENTS = (
    "call ducklake_flush_inlined_data('lake')",
    "call ducklake_rewrite_data_files('lake', delete_threshold => 0)",  # every file with a deleted row
    "call ducklake_expire_snapshots('lake', older_than => now())",  # the newest one stays
    "call ducklake_cleanup_old_files('lake', cleanup_all => true)",
    DELETE_ORPHANS,  # what killed writers left
)
_YOUNG_ORPHANS = "call ducklake_delete_orphaned_files('lake', dry_run => true, cleanup_all => true)"


def erase_deleted_rows(lake: Lake) -> int:
    """Rewrite every file with deleted rows, drop all snapshots but the newest, and compact the catalogue.

    No commit is under way meanwhile. Killed at any moment, the same call finishes the work. A PostgreSQL catalogue
    keeps dead rows until its own VACUUM.

    Returns:
        Files that no snapshot knows and that are not yet old enough to be taken for left over: they may be of a writer
        that does not wait for its turn, or hold what a killed one wrote. `Lake.maintain` deletes them a day later.

    Raises:
        LakeLockedError: Somebody else wrote or read for longer than the configured bound; call it again.
    """
    with lake.alone():
        young = lake.administer(_rewrite)
        kind, location = lake.catalog.split(":", 1)
        if kind == "sqlite":
            lake.queued(lambda: compact_sqlite(location), refusal=sqlite3.OperationalError)
    return young


def _rewrite(con: duckdb.DuckDBPyConnection) -> int:
    for statement in _STATEMENTS:
        con.execute(statement)
    return len(con.execute(_YOUNG_ORPHANS).fetchall())


def compact_sqlite(path: str) -> None:
    """Rewrite an SQLite database without the pages of deleted rows.

    Raises:
        sqlite3.OperationalError: Others kept it from it for a few seconds ("database is locked").
    """
    with closing(sqlite3.connect(path, timeout=5)) as database:
        database.execute("vacuum")
        # The old pages are overwritten when the write-ahead log is copied into the database, which readers can put off.
        blocked, *_ = database.execute("pragma wal_checkpoint(truncate)").fetchone()
    if blocked:
        raise sqlite3.OperationalError("database is locked by a reader, so its old pages are still there")
