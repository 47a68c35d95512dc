"""Feast's SQLite online store, written in bulk.

Tables have Feast's columns in one clustered tree instead of a table with two indexes: less than half the bytes. The
write-ahead log lets readers go on while a slot is written. ``value_text``, which only Feast's document search filters
by, stays empty.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import pyarrow as pa
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.sqlite import SqliteOnlineStore, SqliteOnlineStoreConfig

from uniscale.features.online.bulk import key_bytes

_NOTES = "uniscale_generations"
_WAIT_SECONDS = 60


class BulkSqliteOnlineStoreConfig(SqliteOnlineStoreConfig):  # type: ignore[misc]
    """Where the database is."""

    type: Literal["uniscale.features.online.sqlite_store.BulkSqliteOnlineStore"] = (
        "uniscale.features.online.sqlite_store.BulkSqliteOnlineStore"
    )


class BulkSqliteOnlineStore(SqliteOnlineStore):  # type: ignore[misc]
    """One database for all projects; see `uniscale.features.online.bulk.BulkStore`."""

    faults: ClassVar[tuple[type[Exception], ...]] = (sqlite3.OperationalError,)

    def address(self, config: RepoConfig) -> str:
        """The database file."""
        return f"SQLite at {config.online_store.path}"

    def _get_conn(self, config: RepoConfig) -> sqlite3.Connection:
        if not self._conn:
            con = super()._get_conn(config)
            con.execute(f"pragma busy_timeout = {1000 * _WAIT_SECONDS}")
            con.execute("pragma journal_mode = wal")
            con.execute("pragma synchronous = normal")
        connection: sqlite3.Connection = self._conn
        return connection

    def update(  # noqa: PLR0917 - Feast's interface
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Any],
        entities_to_keep: Sequence[Any],
        partial: bool,
    ) -> None:
        """Create and drop tables as the definitions want it."""
        con = self._get_conn(config)
        for view in tables_to_keep:
            con.execute(
                f"create table if not exists {_table(config, view)} (entity_key blob, feature_name text, value blob, "
                "value_text text, vector_value blob, event_ts timestamp, created_ts timestamp, "
                "primary key (entity_key, feature_name)) without rowid"
            )
        super().update(config, tables_to_delete, tables_to_keep, entities_to_delete, entities_to_keep, partial)
        for view in tables_to_keep:  # the primary key begins with what Feast's index is on
            con.execute(f'drop index if exists "{config.project}_{view.name}_ek"')

    def write_rows(self, config: RepoConfig, view: FeatureView, rows: pa.Table, values: Mapping[str, pa.Array]) -> None:
        """Put rows in place of what their keys hold, in one transaction: a statement per row writes all features."""
        names = sorted(values)
        places = ", ".join(f"(?1, '{name}', ?{number}, ?2, ?3)" for number, name in enumerate(names, start=4))
        source = view.batch_source
        clocks = [_seconds(rows, name) for name in (source.timestamp_field, source.created_timestamp_column)]
        columns = [key_bytes(view, rows).to_pylist(), *clocks, *(values[name].to_pylist() for name in names)]
        with self._get_conn(config) as con:
            con.executemany(
                f"insert or replace into {_table(config, view)} (entity_key, feature_name, value, event_ts, created_ts)"
                f" values {places}",
                zip(*columns, strict=True),
            )

    def delete_keys(self, config: RepoConfig, view: FeatureView, keys: pa.Table) -> int:
        """Take the rows of keys out of a view; returns how many there were."""
        table = _table(config, view)
        wanted = [(key,) for key in key_bytes(view, keys).to_pylist()]
        with self._get_conn(config) as con:
            con.execute("create temp table if not exists gone (entity_key blob primary key) without rowid")
            con.execute("delete from temp.gone")
            con.executemany("insert or ignore into temp.gone values (?)", wanted)
            found = con.execute(
                f"select count(distinct entity_key) from {table} where entity_key in (select entity_key from temp.gone)"
            ).fetchone()
            con.execute(f"delete from {table} where entity_key in (select entity_key from temp.gone)")
            con.execute("delete from temp.gone")
        return int(found[0])

    def clear(self, config: RepoConfig, views: list[FeatureView]) -> None:
        """Take everything out of the project, with the note."""
        self.hold(config, None)
        with self._get_conn(config) as con:
            for view in views:
                con.execute(f"drop table if exists {_table(config, view)}")
        self.update(config, [], views, [], [], partial=False)

    def held(self, config: RepoConfig) -> str | None:
        """Generation that the project holds."""
        row = self._notes(config).execute(f"select generation from {_NOTES} where project = ?", [config.project])
        found = row.fetchone()
        return None if found is None else str(found[0])

    def hold(self, config: RepoConfig, generation: str | None) -> None:
        """Note the generation that the project holds; on the disk before the pointer can name it."""
        with self._notes(config) as con:
            con.execute(f"delete from {_NOTES} where project = ?", [config.project])
            if generation is not None:
                con.execute(f"insert into {_NOTES} values (?, ?)", [config.project, generation])
        if generation is not None:
            con.execute("pragma wal_checkpoint(passive)")

    def compact(self, config: RepoConfig) -> None:
        """Rewrite the database without the pages of deleted rows, and empty its log."""
        con = self._get_conn(config)
        con.execute("vacuum")
        con.execute("pragma wal_checkpoint(truncate)")

    def _notes(self, config: RepoConfig) -> sqlite3.Connection:
        con = self._get_conn(config)
        con.execute(f"create table if not exists {_NOTES} (project text primary key, generation text)")
        return con


def _table(config: RepoConfig, view: FeatureView) -> str:
    return f'"{config.project}_{view.name}"'


def _seconds(rows: pa.Table, name: str) -> list[int]:
    """A clock as Feast's SQLite store has it: seconds by the machine's own zone, few different ones in a batch."""
    clock = rows.column(name).combine_chunks().cast(pa.timestamp("us")).dictionary_encode()
    seconds = [int(moment.timestamp()) for moment in clock.dictionary.to_pylist()]
    return [seconds[index] for index in clock.indices.to_pylist()]
