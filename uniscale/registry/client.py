"""The one place where MLflow is opened: quietly, without telemetry, and patient while its tables are being made."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from uniscale.config import Settings
from uniscale.config.sqlite_files import sqlite_fault
from uniscale.registry.moved import follow_home
from uniscale.registry.runs import SWEEPS, TRAINING
from uniscale.whole_files import whole_file

T = TypeVar("T")
_LOCK_SIGNS = ("database is locked", "already exists", "unable to open database", "alembic_version")
_PATIENCE_SECONDS = 60.0


def tracking_uri(settings: Settings) -> str:
    """The MLflow server or database of an installation."""
    return settings.tracking.uri or f"sqlite:///{settings.home / 'mlflow.db'}"


def artifact_root(settings: Settings) -> str | None:
    """Where runs put their files; None lets a tracking server decide."""
    if settings.tracking.uri is not None:
        return None
    return (settings.home / "mlartifacts").as_uri()


def is_there(settings: Settings) -> bool:
    """Whether anything can have been registered; a tracking server counts as holding something."""
    return settings.tracking.uri is not None or _is_made(settings.home / "mlflow.db")


def open_client(settings: Settings) -> Any:
    """An `mlflow.MlflowClient` on the installation's registry; the database is made on first use.

    Raises:
        RuntimeError: The database is damaged, or stayed locked for a minute.
    """
    with _alone(settings):
        root = artifact_root(settings)
        if root is not None:
            _make_database(settings.home / "mlflow.db")
            follow_home(settings.home / "mlflow.db", root, (TRAINING, SWEEPS))
        return _open(tracking_uri(settings))


def _make_database(path: Path) -> None:
    """Make MLflow's tables under another name: MLflow cannot go on with a database that it was killed in the making of.

    Raises:
        RuntimeError: There is one, and it is damaged.
    """
    if fault := sqlite_fault(path):
        raise RuntimeError(
            f"the registry's database {path} is damaged ({fault}); put a copy from a backup in its place, or remove "
            "it: the next day then trains its rankers again, and the earlier ones are lost"
        )
    if _is_made(path):
        return
    for left_over in path.parent.glob(f".*.{path.name}*"):
        left_over.unlink()
    with whole_file(path) as unfinished:
        _open(f"sqlite:///{unfinished}")


def _is_made(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _open(uri: str) -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    def open_and_touch() -> Any:
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
        return client

    return retry_while_locked(open_and_touch, uri)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Open one at a time: MLflow's own lock does not keep two first uses from migrating the same database at once."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def retry_while_locked(work: Callable[[], T], uri: str) -> T:
    """Do ``work``, again and again while another process holds the database or is making its tables.

    Raises:
        RuntimeError: Still locked after a minute.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError

    deadline = time.monotonic() + _PATIENCE_SECONDS
    pause = 0.1
    while True:
        try:
            return work()
        except (MlflowException, OperationalError) as error:
            if not any(sign in str(error).lower() for sign in _LOCK_SIGNS):
                raise
            if time.monotonic() + pause > deadline:
                raise RuntimeError(
                    f"the MLflow database {uri} stayed locked for {_PATIENCE_SECONDS:.0f} s; "
                    "another process is writing to it: wait for it, or stop it"
                ) from error
        time.sleep(pause)
        pause = min(2 * pause, 2.0)
