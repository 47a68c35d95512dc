"""The catalogue of the lake: an SQLite file or a PostgreSQL database, how it is attached, and its locks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import duckdb
from pydantic import SecretStr

from uniscale.contracts.literals import quoted
from uniscale.lake.locks import AdvisoryLock, FileLock, Lock, connect_postgres

_MADE = "ducklake_metadata"
"""A table that every DuckLake catalogue has from its first transaction on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """One catalogue.

    Attributes:
        name: ``kind:location``, without a password: it may be shown.
        password: Of a PostgreSQL catalogue; None if it needs none, or if libpq finds it elsewhere.
        home: Home of the installation, which holds the lock files of an SQLite catalogue.
    """

    name: str
    password: SecretStr | None
    home: Path

    @property
    def kind(self) -> str:
        """``sqlite`` or ``postgres``."""
        return self.name.partition(":")[0]

    @property
    def location(self) -> str:
        """Path or DSN."""
        return self.name.partition(":")[2]

    @property
    def place(self) -> str:
        """What processes that exclude one another work on, for people."""
        return self.name if self.kind == "postgres" else str(self.home)

    def is_made(self) -> bool:
        """Whether a lake was ever written there: an empty file or database, as a killed process leaves it, is none.

        Raises:
            RuntimeError: The file is no SQLite database any more, or the server cannot be reached.
        """
        if self.kind == "postgres":
            with (
                closing(connect_postgres(self.location, self.password, "uniscale")) as session,
                session.cursor() as cursor,
            ):
                cursor.execute("select to_regclass(%s) is not null", [_MADE])
                return bool(cursor.fetchone()[0])
        path = Path(self.location)
        if self.kind != "sqlite" or not path.is_file() or path.stat().st_size == 0:
            return False
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=60)) as database:
                known = database.execute("select 1 from sqlite_master where name = ?", [_MADE]).fetchone()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, or out of reach: what opens it next says so
                return True
            raise RuntimeError(
                f"the lake's catalogue {path} is damaged ({error}); put a copy of it from a backup in its place, "
                "together with the data of that time"
            ) from error
        return known is not None

    def attach(self, con: duckdb.DuckDBPyConnection, data_path: str, options: list[str]) -> None:
        """Attach the lake as ``lake``.

        Args:
            con: A connection with the extensions of this kind of catalogue.
            data_path: Where the Parquet files are.
            options: Further options of DuckLake's ``attach``.
        """
        if self.kind == "sqlite" and "read_only" not in options:
            Path(self.location).parent.mkdir(parents=True, exist_ok=True)
            # With a write-ahead log nobody who reads is in the way of a commit, nor the other way round.
            options = [*options, "meta_journal_mode 'WAL'"]
        if self.kind == "postgres" and self.password is not None:
            # Outside of the DSN, which every error of DuckDB quotes.
            con.execute(f"create secret (type postgres, password {quoted(self.password.get_secret_value())})")
        # The catalogue remembers an absolute path; overriding it lets an installation be moved or copied.
        told = ", ".join([f"data_path {quoted(data_path)}", "override_data_path true", *options])
        con.execute(f"attach {quoted(f'ducklake:{self.name}')} as lake ({told})")

    def turn(self) -> Lock:
        """The lock under which commits of all processes follow one another."""
        if self.kind == "postgres":
            return AdvisoryLock(self.location, self.password, "commit")
        return FileLock(Path(f"{self.location}.lock"))

    def exclusion(self, name: str) -> Lock:
        """The lock of this name between everything that works on the lake."""
        if self.kind == "postgres":
            return AdvisoryLock(self.location, self.password, name)
        return FileLock(self.home / f"{name}.lock")
