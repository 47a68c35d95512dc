"""Make deleted rows unreadable: the files that held them are written anew, and the past that needs them is dropped.

A delete only marks rows. Their bytes stay in Parquet files, in the catalogue (rows of small commits, smallest and
largest values of files) and in every snapshot that still sees them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import duckdb

from uniscale.lake.lake import Lake

_STATEMENTS = (
    "call ducklake_flush_inlined_data('lake')",
    "call ducklake_rewrite_data_files('lake', delete_threshold => 0)",  # every file with a deleted row
    "call ducklake_expire_snapshots('lake', older_than => now())",  # the newest one stays
    "call ducklake_cleanup_old_files('lake', cleanup_all => true)",
    "call ducklake_delete_orphaned_files('lake', cleanup_all => true)",  # what killed writers left
)


def erase_deleted_rows(lake: Lake) -> None:
    """Rewrite every file with deleted rows, drop all snapshots but the newest, and compact the catalogue.

    Nobody else may write meanwhile: files of an unfinished commit count as orphans. Killed at any moment, the same
    call finishes the work. A PostgreSQL catalogue keeps dead rows until its own VACUUM.

    Raises:
        LakeLockedError: The catalogue stayed locked for longer than the configured bound.
    """
    lake.administer(_rewrite)
    kind, location = lake.catalog.split(":", 1)
    if kind == "sqlite":
        compact_sqlite(location)


def _rewrite(con: duckdb.DuckDBPyConnection) -> None:
    for statement in _STATEMENTS:
        con.execute(statement)


def compact_sqlite(path: str) -> None:
    """Write an SQLite database anew, without the pages of deleted rows; waits a minute for a lock."""
    with closing(sqlite3.connect(path, timeout=60)) as database:
        database.execute("vacuum")
