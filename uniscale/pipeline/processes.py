"""Processes that start others: what children inherit, how they end, and that they die with their parent."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import Settings
from uniscale.config.settings import config_file

_PR_SET_PDEATHSIG = 1
_ERROR = "error: "
_KEPT_LINES = 200
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

    def __init__(self, module: str, exit_code: int, told: Sequence[str]) -> None:
        super().__init__(f"{_cause(exit_code, told)} ({module})")
        self.exit_code = exit_code


def _cause(exit_code: int, told: Sequence[str]) -> str:
    """Why a process ended, from the last lines it told: the error of a command, or the end of a traceback."""
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return f"killed by {name}" + (", most likely as memory ran out" if name == "SIGKILL" else "")
    lines = [line.strip() for line in told if line.strip()]
    errors = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]
    return (errors or lines or [f"exit code {exit_code}, its messages are above"])[-1]


def run_entry_point(settings: Settings, module: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run ``python -m MODULE ARGUMENTS``, an entry point outside the library; it dies with this process.

    What it tells on standard error is passed on. At a terminal it has the terminal itself, for its bars.

    Returns:
        The JSON object that is its last line of output.

    Raises:
        EntryPointError: It did not end well; the message has the cause, unless the terminal shows it.
    """
    told: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT_ROOT,
        env=child_environment(settings),
        stdout=subprocess.PIPE,
        stderr=None if sys.stderr.isatty() else subprocess.PIPE,
        text=True,
        errors="replace",
        preexec_fn=die_with_parent,
    ) as process:
        passing = threading.Thread(target=_pass_on, args=(process.stderr, told))
        passing.start()
        assert process.stdout is not None
        try:
            output = process.stdout.read()
        except BaseException:
            process.kill()
            raise
        passing.join()
    if process.returncode != 0:
        raise EntryPointError(module, process.returncode, told)
    details: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return details


def _pass_on(lines: Iterable[str] | None, told: deque[str]) -> None:
    for line in lines or ():
        sys.stderr.write(line)
        sys.stderr.flush()
        told.append(line)


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
