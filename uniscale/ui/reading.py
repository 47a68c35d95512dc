"""Reading the lake for pages: short connections, and answers kept for as long as the lake does not change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import duckdb

from uniscale.config import Settings
from uniscale.lake import Lake

P = ParamSpec("P")
T = TypeVar("T")
Query = Callable[Concatenate[duckdb.DuckDBPyConnection, P], T]

_MOST_ANSWERS = 500
"""Answers kept; a page takes some ten."""


class OftenReadLake(Lake):
    """A lake that many threads of one process read, and that is asked once whether it was made.

    Python's SQLite answers that. Its connection, when it is closed, takes away the locks of the process on the
    catalogue, those of DuckDB's connections too, and a writer elsewhere may then cut a file that they have mapped.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._asking = threading.Lock()
        self._is_made = False

    def exists(self) -> bool:
        """Whether the lake was ever written; once it was, its catalogue is not opened for that any more."""
        with self._asking:
            self._is_made = self._is_made or super().exists()
        return self._is_made


class Look:
    """One page's look at the lake."""

    def __init__(self, con: duckdb.DuckDBPyConnection, reader: Reader) -> None:
        self._con, self._reader = con, reader
        self._answers: dict[Hashable, Any] = {}
        self.snapshot_id = newest_snapshot(con)

    def __call__(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``query`` answers on the present lake; it is asked once per snapshot and arguments."""
        key = (query, args, tuple(sorted(kwargs.items())))
        if key not in self._answers:
            found, known = self._reader.known(self.snapshot_id, key)
            if found:
                return cast(T, known)
            self._answers[key] = query(self._con, *args, **kwargs)
        return cast(T, self._answers[key])

    def close(self) -> None:
        """Keep the answers, unless the lake changed meanwhile: then each is of the one snapshot or of the other."""
        if self._answers and newest_snapshot(self._con) == self.snapshot_id:
            self._reader.keep(self.snapshot_id, self._answers)


class Reader:
    """Answers of the newest snapshot, for all requests of a server.

    A connection lives for one page. The catalogue has a write-ahead log, so who reads keeps no writer waiting.
    """

    def __init__(self, settings: Settings) -> None:
        self.lake = OftenReadLake(settings)
        self._lock = threading.Lock()
        self._snapshot_id = -1
        self._answers: dict[Hashable, Any] = {}

    @contextmanager
    def look(self) -> Iterator[Look]:
        """Open the lake for one page.

        Raises:
            FileNotFoundError: There is no lake yet.
        """
        with self.lake.read() as con:
            look = Look(con, self)
            yield look
            look.close()

    def known(self, snapshot_id: int, key: Hashable) -> tuple[bool, Any]:
        """Whether an answer of a snapshot is kept, and the answer."""
        with self._lock:
            if snapshot_id == self._snapshot_id and key in self._answers:
                return True, self._answers[key]
        return False, None

    def keep(self, snapshot_id: int, answers: Mapping[Hashable, Any]) -> None:
        """Keep answers until the lake changes."""
        with self._lock:
            if snapshot_id < self._snapshot_id:
                return
            if snapshot_id > self._snapshot_id or len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
                self._snapshot_id = snapshot_id
            self._answers.update(answers)


def newest_snapshot(con: duckdb.DuckDBPyConnection) -> int:
    """Identifier of the newest snapshot of the lake."""
    row = con.execute("select max(snapshot_id) from ducklake_snapshots('lake')").fetchone()
    assert row is not None
    return int(row[0])
