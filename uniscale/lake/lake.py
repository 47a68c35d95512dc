"""Open, commit, look back, tidy: the four things anybody does with the lake."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

import duckdb

from uniscale.config import Settings
from uniscale.contracts.schema import Table
from uniscale.lake.extensions import connect, load_extensions

T = TypeVar("T")
_LOCK_SIGNS = ("database is locked", "could not set lock", "conflict", "failed to commit ducklake transaction")


class LakeLockedError(RuntimeError):
    """The catalogue stayed locked, or commits kept colliding, for longer than the configured bound."""


class Lake:
    """The DuckLake of one installation.

    Inside a connection it is attached as ``lake`` and is the default catalogue, so that ``from marts.fct_exposures``
    works.
    """

    def __init__(self, settings: Settings) -> None:
        self._catalog = settings.lake_catalog
        self._data_path = settings.lake_data_path
        self._lock_timeout = settings.lake.lock_timeout_seconds
        self._memory_limit = settings.lake.memory_limit
        self._threads = settings.lake.threads
        self._spill = settings.home / "spill"

    @property
    def catalog(self) -> str:
        """``kind:location`` of the catalogue, for tools that attach it themselves (dbt)."""
        return self._catalog

    @property
    def data_path(self) -> str:
        """Where the Parquet files are."""
        return self._data_path

    def exists(self) -> bool:
        """Whether a lake was ever written; a PostgreSQL catalogue counts as existing."""
        kind, location = self._catalog.split(":", 1)
        return kind != "sqlite" or Path(location).is_file()

    @contextmanager
    def read(self, snapshot_id: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection, at the newest state or at a snapshot.

        Raises:
            FileNotFoundError: There is no lake yet; the message says how to make one.
        """
        if not self.exists():
            raise FileNotFoundError(
                f"there is no lake at {self._catalog}; land events first: uniscale ingest events DIR"
            )
        options = ["read_only"]
        if snapshot_id is not None:
            options.append(f"snapshot_version {int(snapshot_id)}")
        con = self._retry(lambda: self._open(options))
        try:
            yield con
        finally:
            con.close()

    def commit(self, work: Callable[[duckdb.DuckDBPyConnection], T], message: str, extra: str | None = None) -> T:
        """Run ``work`` in one transaction: all of it becomes visible, as one snapshot, or nothing.

        ``work`` may run more than once: on a locked catalogue or a colliding commit it is retried, with a bound.

        Args:
            work: Takes a connection inside a transaction; must not commit.
            message: Stored with the snapshot.
            extra: Further text to keep with the snapshot, for programs.

        Raises:
            LakeLockedError: Still locked after the configured seconds.
        """
        return self._retry(lambda: self._commit_once(work, message, extra))

    def administer(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run ``work`` on a writing connection outside a transaction, for what DuckLake does to its own files.

        It is retried like `commit`, so it must be safe to do twice.

        Raises:
            LakeLockedError: Still locked after the configured seconds.
        """

        def once() -> T:
            con = self._open([])
            try:
                return work(con)
            finally:
                con.close()

        return self._retry(once)

    def _commit_once(self, work: Callable[[duckdb.DuckDBPyConnection], T], message: str, extra: str | None) -> T:
        con = self._open([])
        try:
            con.execute("begin transaction")
            try:
                result = work(con)
                con.execute(
                    "call ducklake_set_commit_message('lake', 'uniscale', ?, extra_info => ?)", [message, extra]
                )
                con.execute("commit")
            except BaseException:
                _rollback(con)
                raise
            return result
        finally:
            con.close()

    @staticmethod
    def create(con: duckdb.DuckDBPyConnection, table: Table) -> None:
        """Create the table with its partitioning if it does not exist yet."""
        con.execute(f"create schema if not exists lake.{table.schema}")
        if not table_has(con, table):
            con.execute(table.ddl())
            if table.partition is not None:
                con.execute(f"alter table lake.{table.qualified} set partitioned by ({table.partition})")

    @classmethod
    def replace(cls, con: duckdb.DuckDBPyConnection, table: Table, where: str, select: str) -> int:
        """Replace the rows that match ``where`` by the rows of ``select``; call it inside `commit`.

        Args:
            con: The connection that `commit` handed out.
            table: Its contract; columns are taken by name.
            where: SQL condition on the table, usually its partition: ``ds = date '2026-01-05'``.
            select: SQL query (or the name of a registered Arrow table) with at least the table's columns.

        Returns:
            Number of rows written.

        Raises:
            ValueError: The table was made by an earlier version, without a column of the contract.
        """
        cls.create(con, table)
        _refuse_older(con, table)
        columns = ", ".join(f'"{name}"' for name in table.column_names)
        source = select if select.lstrip().lower().startswith(("select", "with", "from")) else f"from {select}"
        con.execute(f"delete from lake.{table.qualified} where {where}")
        inserted = con.execute(
            f"insert into lake.{table.qualified} ({columns}) select {columns} from ({source})"
        ).fetchone()
        return int(inserted[0]) if inserted else 0

    def has(self, table: Table, ds: date | None = None) -> bool:
        """Whether the table exists and, with ``ds``, holds rows of that day."""
        if not self.exists():
            return False
        with self.read() as con:
            return table_has(con, table, ds)

    def snapshot_id(self) -> int:
        """Identifier of the newest snapshot."""
        with self.read() as con:
            row = con.execute("select max(snapshot_id) from ducklake_snapshots('lake')").fetchone()
        assert row is not None
        return int(row[0])

    def maintain(self, keep_days: int) -> None:
        """Flush inlined rows, merge small files, expire snapshots older than ``keep_days``, delete unused files."""

        def work(con: duckdb.DuckDBPyConnection) -> None:
            con.execute("call ducklake_flush_inlined_data('lake')")
            con.execute("call ducklake_merge_adjacent_files('lake')")
            con.execute(f"call ducklake_expire_snapshots('lake', older_than => now() - interval {int(keep_days)} days)")
            con.execute("call ducklake_cleanup_old_files('lake', cleanup_all => true)")

        self.administer(work)

    def _open(self, options: list[str]) -> duckdb.DuckDBPyConnection:
        kind, location = self._catalog.split(":", 1)
        if kind == "sqlite" and "read_only" not in options:
            Path(location).parent.mkdir(parents=True, exist_ok=True)
        con = connect(self._catalog)
        try:
            self._attach(con, options)
            con.execute("use lake")
        except BaseException:
            con.close()
            raise
        return con

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the lake to the connection of a tool that makes its own (dbt), under the limits of the settings."""
        load_extensions(con, self._catalog)
        self._attach(con, [])

    def _attach(self, con: duckdb.DuckDBPyConnection, options: list[str]) -> None:
        self._spill.mkdir(parents=True, exist_ok=True)
        con.execute(f"set memory_limit = '{self._memory_limit}'; set temp_directory = '{self._spill}'")
        con.execute("set timezone = 'UTC'; set enable_progress_bar = false; set preserve_insertion_order = true")
        if self._threads is not None:
            con.execute(f"set threads = {self._threads}")
        # The catalogue remembers an absolute path; overriding it lets an installation be moved or copied.
        attach = ", ".join([f"data_path '{self._data_path}'", "override_data_path true", *options])
        con.execute(f"attach 'ducklake:{self._catalog}' as lake ({attach})")

    def _retry(self, work: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._lock_timeout
        pause = 0.05
        while True:
            try:
                return work()
            except duckdb.Error as error:
                if not any(sign in str(error).lower() for sign in _LOCK_SIGNS):
                    raise
                if time.monotonic() + pause > deadline:
                    raise LakeLockedError(
                        f"the lake's catalogue {self._catalog} stayed busy for {self._lock_timeout:.0f} s: {error}. "
                        "Another process is writing; wait for it, or raise lake.lock_timeout_seconds"
                    ) from error
            time.sleep(pause * (1 + random.random()))
            pause = min(2 * pause, 2.0)


def _refuse_older(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    held = {row[0] for row in con.execute(f"describe lake.{table.qualified}").fetchall()}
    lacking = [name for name in table.column_names if name not in held]
    if lacking:
        raise ValueError(
            f"{table.qualified} was made by an earlier version and lacks {', '.join(lacking)}; name another home "
            "(UNISCALE_HOME), land the logs there and build the days anew"
        )


def table_has(con: duckdb.DuckDBPyConnection, table: Table, ds: date | None = None) -> bool:
    """Like `Lake.has`, on an open connection."""
    try:
        # Asks for this table alone: the list of all tables reads the whole catalogue.
        con.execute(f"select 1 from lake.{table.qualified} limit 0")
    except duckdb.CatalogException:
        return False
    if ds is None:
        return True
    return con.execute(f"select 1 from lake.{table.qualified} where ds = ? limit 1", [ds]).fetchone() is not None


def _rollback(con: duckdb.DuckDBPyConnection) -> None:
    try:
        con.execute("rollback")
    except duckdb.Error:
        return  # the failed commit has already ended the transaction
