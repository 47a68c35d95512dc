"""Open, commit, look back, tidy: the four things anybody does with the lake."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import date
from typing import TypeVar

import duckdb

from uniscale.config import Settings
from uniscale.contracts.literals import quoted
from uniscale.contracts.schema import Table
from uniscale.lake.busy import LakeLockedError, is_busy, retried
from uniscale.lake.catalog import Catalog
from uniscale.lake.extensions import connect, load_extensions
from uniscale.lake.locks import held, is_mine
from uniscale.lake.macros import SEARCH_PATH, install_macros
from uniscale.lake.spill import spill_folder

T = TypeVar("T")
_QUEUE_SECONDS = 3600.0
"""How long a commit waits for its turn: those before it do what they have to do, and what it holds would be lost."""
_ORPHAN_HOURS = 24
"""Age from which a file that no snapshot knows is left over; a younger one may be of a commit that has not ended."""
DELETE_ORPHANS = f"call ducklake_delete_orphaned_files('lake', older_than => now() - interval {_ORPHAN_HOURS} hours)"
_log = logging.getLogger(__name__)


class Lake:
    """The DuckLake of one installation.

    Inside a connection it is attached as ``lake`` and is the default catalogue, so that ``from marts.fct_exposures``
    works, and `uniscale.lake.macros` are defined.
    """

    def __init__(self, settings: Settings) -> None:
        self._catalog = Catalog(name=settings.lake_catalog, password=settings.lake.catalog_password, home=settings.home)
        self._data_path = settings.lake_data_path
        self._lock_timeout = settings.lake.lock_timeout_seconds
        self._memory_limit = settings.lake.memory_limit
        self._threads = settings.lake.threads
        self._home = settings.home

    @property
    def catalog(self) -> str:
        """``kind:location`` of the catalogue without its password."""
        return self._catalog.name

    @property
    def data_path(self) -> str:
        """Where the Parquet files are."""
        return self._data_path

    def exists(self) -> bool:
        """Whether a lake was ever written.

        Raises:
            RuntimeError: The catalogue is damaged, or its server cannot be reached.
        """
        return self._catalog.is_made()

    @contextmanager
    def read(self, snapshot_id: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection, at the newest state or at a snapshot.

        Raises:
            FileNotFoundError: There is no lake yet; the message says how to make one.
        """
        if not self.exists():
            raise FileNotFoundError(
                f"there is no lake at {self.catalog}; land events first: uniscale ingest events DIR"
            )
        options = ["read_only"]
        if snapshot_id is not None:
            options.append(f"snapshot_version {int(snapshot_id)}")
        con = self.retried(lambda: self._open(options))
        try:
            yield con
        finally:
            con.close()

    def commit(
        self,
        work: Callable[[duckdb.DuckDBPyConnection], T],
        message: str,
        extra: str | None = None,
        *,
        prepare: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
    ) -> T:
        """Run ``work`` in one transaction: all of it becomes visible, as one snapshot, or nothing.

        Commits of all processes follow one another, and each waits for its turn: ``work`` is to be short. Where there
        is much to do, ``prepare`` does what needs no transaction, and ``work`` is first tried without the turn, which
        is taken for its last moment only; if somebody has committed meanwhile, both are done again, ``work`` in its
        turn. Both may run more than once, also when they collide with somebody who does not wait for turns: then they
        are retried, with a bound.

        Args:
            work: Takes a connection inside a transaction; must not commit.
            message: Stored with the snapshot.
            extra: Further text to keep with the snapshot, for programs.
            prepare: Runs before ``work`` and on the same connection, to fill temporary tables. From then to the end
                nobody else is at work (see `alone`), so that no snapshot is dropped that the open transaction is
                compared with.

        Raises:
            LakeLockedError: Still locked the configured seconds after it was found locked for the first time, or the
                turn did not come within an hour.
        """
        self._refuse_nesting()

        def once(*, whole_turn: bool) -> T:
            # On a connection of its own: a commit that fails may keep what was done to temporary tables.
            with closing(self._open_to_write()) as con:
                if prepare is not None:
                    prepare(con)
                with self.turn() if whole_turn else nullcontext():
                    return _commit_once(con, work, message, extra, nullcontext() if whole_turn else self.turn())

        if prepare is None:
            return self.retried(lambda: once(whole_turn=True))
        with self.alone():
            try:
                return once(whole_turn=False)
            except duckdb.Error as error:
                if not is_busy(error):
                    raise
            return self.retried(lambda: once(whole_turn=True))

    def administer(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run ``work`` on a writing connection outside a transaction, for what DuckLake does to its own files.

        No commit is under way meanwhile. It is retried like `commit`, so it must be safe to do twice.

        Raises:
            LakeLockedError: Others wrote for longer than the configured seconds; nothing is lost, call it again.
        """

        def once() -> T:
            con = self._open([])
            try:
                return work(con)
            finally:
                con.close()

        return self.queued(once, self._lock_timeout)

    def queued(
        self, work: Callable[[], T], wait_seconds: float = _QUEUE_SECONDS, refusal: type[Exception] = duckdb.Error
    ) -> T:
        """Run ``work``, which writes to the lake by whatever means, when it is its turn.

        Raises:
            LakeLockedError: The turn did not come, or the catalogue stayed locked for longer than the configured bound.
        """
        self._refuse_nesting()
        with self.turn(wait_seconds):
            return self.retried(work, refusal)

    def retried(self, work: Callable[[], T], refusal: type[Exception] = duckdb.Error) -> T:
        """Run ``work`` again while the catalogue is locked; see `uniscale.lake.busy.retried`."""
        return retried(work, refusal, self._lock_timeout, self.catalog)

    @contextmanager
    def turn(self, wait_seconds: float = _QUEUE_SECONDS) -> Iterator[None]:
        """Nobody else commits meanwhile; readers are not kept waiting.

        Raises:
            LakeLockedError: It did not come in time.
        """

        def refused(holder: str) -> LakeLockedError:
            return LakeLockedError(
                f"{holder} is writing to the lake {self.catalog} and has not ended within {wait_seconds:.0f} s; wait "
                "for it, or end it"
            )

        with held(self._catalog.turn(), wait_seconds, refused):
            yield

    @contextmanager
    def alone(
        self, name: str = "step", wait_seconds: float = 3600.0, tell: Callable[[str], None] = _log.warning
    ) -> Iterator[None]:
        """Keep others of the same name out: steps, nightly tasks, ingests, forget and maintain are all of ``step``.

        A thread that is alone already goes on. An hour is longer than two scheduled runs meet for.

        Args:
            name: What is done by one process at a time.
            wait_seconds: How long to wait for another process.
            tell: Is told who has to be waited for.

        Raises:
            RuntimeError: Another process was at it for the whole wait; the message names it.
        """

        def other(holder: str) -> str:
            return f"another {name} ({holder}) is at work on {self._catalog.place}"

        def refused(holder: str) -> RuntimeError:
            return RuntimeError(f"{other(holder)}; wait for it to end, or end it")

        def waiting(holder: str) -> None:
            tell(f"{other(holder)}; waiting for it to end")

        with held(self._catalog.exclusion(name), wait_seconds, refused, waiting):
            yield

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
        """Flush inlined rows, merge small files, expire snapshots older than ``keep_days``, delete unused files.

        What killed writers left goes too, once it is a day old.
        """

        def work(con: duckdb.DuckDBPyConnection) -> None:
            con.execute("call ducklake_flush_inlined_data('lake')")
            con.execute("call ducklake_merge_adjacent_files('lake')")
            con.execute(f"call ducklake_expire_snapshots('lake', older_than => now() - interval {int(keep_days)} days)")
            con.execute("call ducklake_cleanup_old_files('lake', cleanup_all => true)")
            con.execute(DELETE_ORPHANS)

        with self.alone():
            self.administer(work)

    def _refuse_nesting(self) -> None:
        if is_mine(self._catalog.turn()):
            raise RuntimeError("a commit inside a commit would wait for itself; do one after the other")

    def _open_to_write(self) -> duckdb.DuckDBPyConnection:
        # The first connection makes the catalogue's tables, which two at a time cannot do.
        with nullcontext() if self.exists() else self.turn():
            return self._open([])

    def _open(self, options: list[str]) -> duckdb.DuckDBPyConnection:
        con = connect(self._catalog.name)
        try:
            self._attach(con, options)
            con.execute(f"set search_path = {quoted(SEARCH_PATH)}")
        except BaseException:
            con.close()
            raise
        return con

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the lake to the connection of a tool that makes its own (dbt), under the limits of the settings."""
        load_extensions(con, self._catalog.name)
        self._attach(con, [])

    def _attach(self, con: duckdb.DuckDBPyConnection, options: list[str]) -> None:
        spill = spill_folder(self._home)
        con.execute(f"set memory_limit = {quoted(self._memory_limit)}; set temp_directory = {quoted(spill)}")
        con.execute("set timezone = 'UTC'; set enable_progress_bar = false; set preserve_insertion_order = true")
        # An ASOF join whose left side is thought to be small is a nested loop otherwise, however large it turns out.
        con.execute("set global asof_loop_join_threshold = 0")
        if self._threads is not None:
            con.execute(f"set threads = {int(self._threads)}")
        self._catalog.attach(con, self._data_path, options)
        install_macros(con)


def _refuse_older(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    held = {row[0] for row in con.execute(f"describe lake.{table.qualified}").fetchall()}
    lacking = [name for name in table.column_names if name not in held]
    if lacking:
        raise ValueError(
            f"{table.qualified} was made by an earlier version and lacks {', '.join(lacking)}; name another home "
            "(UNISCALE_HOME), land the logs there and build the days again"
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


def _commit_once(
    con: duckdb.DuckDBPyConnection,
    work: Callable[[duckdb.DuckDBPyConnection], T],
    message: str,
    extra: str | None,
    last: AbstractContextManager[None],
) -> T:
    """One try; ``last`` is held for the commit itself."""
    con.execute("begin transaction")
    try:
        result = work(con)
        con.execute("call ducklake_set_commit_message('lake', 'uniscale', ?, extra_info => ?)", [message, extra])
        with last:
            con.execute("commit")
    except BaseException:
        rollback(con)
        raise
    return result


def rollback(con: duckdb.DuckDBPyConnection) -> None:
    """End a transaction that has failed."""
    try:
        con.execute("rollback")
    except duckdb.Error:
        return  # the failed commit has already ended the transaction
