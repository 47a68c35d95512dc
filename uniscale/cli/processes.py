"""Processes that start others: children die with their parent, and one run at a time works on an installation."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.console import err
from uniscale.config import Settings
from uniscale.config.settings import config_file

_PR_SET_PDEATHSIG = 1
DIE_WITH_PARENT = "UNISCALE_DIE_WITH_PARENT"
"""Set to 1 in the environment of a run whose steps must not outlive it."""
_QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
    "GIT_PYTHON_REFRESH": "quiet",
    "TZ": "UTC",
}
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
"""Threads that wait sleep; by default they spin, and keep those that work off the cores of a busy machine."""


def child_environment(settings: Settings) -> dict[str, str]:
    """Environment for a child process: same installation, same project, no telemetry, no spinning threads."""
    environment = {**_PATIENT, **os.environ, **_QUIET, "UNISCALE_HOME": str(settings.home)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")]))
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    # A child works in the checkout, where another installation's uniscale.toml may lie.
    environment["UNISCALE_CONFIG"] = str(config_file().resolve()) if config_file().is_file() else os.devnull
    return environment


class EntryPointError(RuntimeError):
    """An entry point ended with an error, which it told on standard error.

    Attributes:
        exit_code: Its exit code: 2 for bad input, anything else for a failure.
    """

    def __init__(self, module: str, exit_code: int) -> None:
        super().__init__(f"{module} ended with exit code {exit_code}; its messages are above")
        self.exit_code = exit_code


def run_entry_point(settings: Settings, module: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run ``python -m MODULE ARGUMENTS``, an entry point outside the library; it dies with this process.

    Returns:
        The JSON object that is its last line of output.

    Raises:
        EntryPointError: It did not end well.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT_ROOT,
        env=child_environment(settings),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=die_with_parent,
    )
    if done.returncode != 0:
        raise EntryPointError(module, done.returncode)
    details: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return details


def airflow_environment(settings: Settings, port: int = 8080) -> Mapping[str, str]:
    """Environment of the embedded Airflow: its own home, this project's DAGs, loopback only."""
    return {
        **child_environment(settings),
        "AIRFLOW_HOME": str(settings.home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(settings.home / "airflow" / "jwt_secret"),
    }


def _secret(path: Path) -> str:
    """A random secret that lives as long as the installation, readable by its owner only."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(secrets.token_hex(32))
    return path.read_text(encoding="utf-8")


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, so that a killed run leaves nobody writing.

    Elsewhere it does nothing; the lock of `one_at_a_time` still keeps a second run out.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def die_with_starter() -> None:
    """Like `die_with_parent`, for a process that somebody else's process starts on behalf of `uniscale day`.

    Raises:
        SystemExit: The parent is dead already.
    """
    if os.environ.get(DIE_WITH_PARENT) == "1":
        die_with_parent()
        if os.getppid() == 1:
            raise SystemExit("the run that started this step has ended")


@contextmanager
def one_at_a_time(settings: Settings, name: str, wait_seconds: float = 3600.0) -> Iterator[None]:
    """Hold the installation's lock ``name``; the system drops it when the process ends, however it ends.

    Who has to wait is told so on standard error. An hour is longer than two scheduled runs meet for.

    Raises:
        RuntimeError: Another process held it for the whole wait; the message names it.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / f"{name}.lock"
    deadline = time.monotonic() + wait_seconds
    told = ""
    with path.open("a+", encoding="utf-8") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                handle.seek(0)
                other = f"another {name} (process {handle.read().strip() or 'unknown'}) is at work on {settings.home}"
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{other}; wait for it to end, or end it") from None
                if other != told:
                    err.print(f"{other}; waiting for it to end", highlight=False, markup=False)
                    told = other
                time.sleep(0.2)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield
