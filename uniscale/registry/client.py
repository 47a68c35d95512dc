"""The one place where MLflow is opened: quietly, without telemetry, and patient while its tables are being made."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from uniscale.config import Settings
from uniscale.registry.moved import follow_home
from uniscale.registry.runs import SWEEPS, TRAINING

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
    return settings.tracking.uri is not None or (settings.home / "mlflow.db").is_file()


def open_client(settings: Settings) -> Any:
    """An `mlflow.MlflowClient` on the installation's registry; the database is made on first use.

    Raises:
        RuntimeError: The database stayed locked for a minute.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    settings.home.mkdir(parents=True, exist_ok=True)
    uri = tracking_uri(settings)

    def open_and_touch() -> Any:
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
        return client

    root = artifact_root(settings)
    with _alone(settings):
        if root is not None:
            follow_home(settings.home / "mlflow.db", root, (TRAINING, SWEEPS))
        return patiently(open_and_touch, uri)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Open one at a time: MLflow's own lock does not keep two first uses from migrating the same database at once."""
    with (settings.home / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def patiently(work: Callable[[], T], uri: str) -> T:
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
