"""Try an ingest without landing anything: a lake that undoes what is committed to it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from uniscale.config import Settings
from uniscale.lake.lake import Lake

T = TypeVar("T")


class _UndoneError(Exception):
    """Ends a transaction whose work has ended well."""


class RehearsalLake(Lake):
    """A lake whose commits do their work, tell their result and leave no trace."""

    def commit(
        self,
        work: Callable[[duckdb.DuckDBPyConnection], T],
        message: str,
        extra: str | None = None,
        **options: Any,
    ) -> T:
        """Run ``work`` in a transaction like `Lake.commit`, and roll it back when it has ended well."""
        results: list[T] = []

        def undone(con: duckdb.DuckDBPyConnection) -> None:
            results.append(work(con))
            raise _UndoneError

        try:
            super().commit(undone, message, extra, **options)
        except _UndoneError:
            return results[-1]
        raise AssertionError("a rehearsal must not commit")


@contextmanager
def rehearsal(settings: Settings) -> Iterator[tuple[Settings, Lake]]:
    """Settings and lake of a rehearsal: what is written outside the lake goes to a temporary home.

    The work sees the rows of the real lake, if there is one; else an empty lake, in the temporary home as well.
    """
    disk = settings.home if settings.home.is_dir() else None  # what a large log spills needs its room
    with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=disk) as folder:
        is_there = Lake(settings).exists()
        lake = {
            "catalog": settings.lake_catalog if is_there else None,
            "data_path": settings.lake_data_path if is_there else None,
        }
        trial = settings.model_copy(update={"home": Path(folder), "lake": settings.lake.model_copy(update=lake)})
        yield trial, RehearsalLake(trial)
