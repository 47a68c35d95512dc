"""Locks between processes: on a file for an SQLite catalogue, in the database for a PostgreSQL one, for all its hosts.

The system, or the server, drops a lock when the process that holds it ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from pydantic import SecretStr

_NAMESPACE = 0x556E6953
"""First half of the key of every advisory lock of ours; the second is made from its name."""
_mine = threading.local()


class Lock(Protocol):
    """One process at a time has it."""

    @property
    def identity(self) -> str:
        """What tells it from other locks."""

    def take(self) -> bool:
        """Take it if nobody has it."""

    def holder(self) -> str:
        """Who has it, for people."""

    def release(self) -> None:
        """Give it back, or stop asking for it."""


class FileLock:
    """A lock between the processes of one host.

    Args:
        path: A file that exists for the lock alone; it is made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    @property
    def identity(self) -> str:
        """The file."""
        return str(self._path)

    def take(self) -> bool:
        """Take it if nobody has it."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"process {os.getpid()}")
        self._file.flush()
        return True

    def holder(self) -> str:
        """The process that wrote itself down last."""
        return self._path.read_text(encoding="utf-8").strip() or "process unknown"

    def release(self) -> None:
        """Give it back, or stop asking for it."""
        if self._file is not None:
            self._file.close()
            self._file = None


class AdvisoryLock:
    """A lock between all processes that use one PostgreSQL database, on any host.

    Args:
        dsn: The database, without its password.
        password: Its password, unless libpq finds it elsewhere.
        name: Of the lock.
    """

    def __init__(self, dsn: str, password: SecretStr | None, name: str) -> None:
        self._dsn, self._password, self._name = dsn, password, name
        self._key = (_NAMESPACE, zlib.crc32(name.encode()) - 2**31)
        self._session: Any = None

    @property
    def identity(self) -> str:
        """Name and database."""
        return f"lock {self._name} of {self._dsn}"

    def take(self) -> bool:
        """Take it if nobody has it.

        Raises:
            RuntimeError: The database cannot be reached.
        """
        if self._session is None:
            self._session = connect_postgres(self._dsn, self._password, f"{_myself()}, {self._name}")
        return bool(self._ask("select pg_try_advisory_lock(%s, %s)"))

    def holder(self) -> str:
        """The session that has it."""
        found = self._ask(
            "select min(split_part(application_name, ', ', 1)) from pg_locks join pg_stat_activity using (pid) "
            "where locktype = 'advisory' and classid = %s and objid = %s::int8 & 4294967295 and granted "
            "and database = (select oid from pg_database where datname = current_database())"
        )
        return str(found or "process unknown")

    def release(self) -> None:
        """Give it back, or stop asking for it: the lock ends with its session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _ask(self, query: str) -> Any:
        with self._session.cursor() as cursor:
            cursor.execute(query, self._key)
            return cursor.fetchone()[0]


def connect_postgres(dsn: str, password: SecretStr | None, application: str) -> Any:
    """A psycopg2 connection that commits every statement; half-open ones are found within two minutes.

    Raises:
        RuntimeError: The database cannot be reached; the message says why, without the password.
    """
    import psycopg2

    secret = {} if password is None else {"password": password.get_secret_value()}
    alive = {"keepalives_idle": 60, "keepalives_interval": 15, "keepalives_count": 4, "connect_timeout": 10}
    try:
        session = psycopg2.connect(dsn, **secret, **alive, application_name=application[:63])
    except psycopg2.OperationalError as error:
        reason = " ".join(str(error).split())
        raise RuntimeError(f"the lake's catalogue postgres:{dsn} cannot be reached: {reason}") from None
    session.autocommit = True
    return session


@contextmanager
def held(
    lock: Lock,
    wait_seconds: float,
    refused: Callable[[str], Exception],
    tell: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold a lock; a thread that has it already goes on.

    Args:
        lock: What is to be held.
        wait_seconds: How long to wait for another process; its error is raised then.
        refused: The error, given who has the lock.
        tell: Is told, once each, who has to be waited for.
    """
    mine: set[str] = _mine.__dict__.setdefault("locks", set())
    if lock.identity in mine:
        yield
        return
    deadline = time.monotonic() + wait_seconds
    told, pause = "", 0.005
    try:
        while not lock.take():
            holder = lock.holder()
            if time.monotonic() > deadline:
                raise refused(holder)
            if tell is not None and holder != told:
                tell(holder)
                told = holder
            time.sleep(pause * (1 + random.random()))
            pause = min(1.5 * pause, 0.2)
        mine.add(lock.identity)
        yield
    finally:
        mine.discard(lock.identity)
        lock.release()


def is_mine(lock: Lock) -> bool:
    """Whether this thread holds the lock."""
    return lock.identity in _mine.__dict__.get("locks", set())


def _myself() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
