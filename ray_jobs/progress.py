"""Shows a running job on standard error from the file its first worker writes.

A person at a terminal sees a bar; a log gets a line every few seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.progress import BarColumn, Progress, TextColumn

from uniscale.config.state_files import read_lines
from uniscale.console import err

_PAUSE_SECONDS = 0.5
_LINE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A job to look at.

    Attributes:
        path: File with one JSON curve point per line.
        title: What is trained.
    """

    path: Path
    title: str


class _Display(Protocol):
    def show(self, job: Watched, point: dict[str, Any]) -> None:
        """Show a new point of a job's loss curve."""


@contextmanager
def shown(jobs: Sequence[Watched]) -> Iterator[None]:
    """Show how jobs go while the block runs: steps, loss, click AUC, rows per second, time left.

    Args:
        jobs: What runs; their files are emptied first and removed at the end.
    """
    for job in jobs:
        job.path.parent.mkdir(parents=True, exist_ok=True)
        job.path.write_text("", encoding="utf-8")
    stop = threading.Event()
    with _bars(jobs) if err.is_terminal else nullcontext(_Lines()) as display:
        thread = threading.Thread(target=_follow, args=(jobs, display, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            for job in jobs:
                job.path.unlink(missing_ok=True)


def told(point: dict[str, Any]) -> str:
    """A point in words: loss, click AUC where there is one, speed, time left."""
    minutes, seconds = divmod(round(point["seconds_left"]), 60)
    auc = f"click AUC {point['click_auc']:.3f}, " if "click_auc" in point else ""
    return f"loss {point['loss']:.4f}, {auc}{point['rows_per_second']:,.0f} rows/s, {minutes}:{seconds:02d} left"


class _Bars:
    def __init__(self, progress: Progress, jobs: Sequence[Watched]) -> None:
        self._progress = progress
        self._tasks = {job: progress.add_task(job.title, total=1, told="starting") for job in jobs}

    def show(self, job: Watched, point: dict[str, Any]) -> None:
        self._progress.update(self._tasks[job], completed=point["step"] / point["steps"], told=told(point))


@contextmanager
def _bars(jobs: Sequence[Watched]) -> Iterator[_Display]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %, {task.fields[told]}"),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        yield _Bars(progress, jobs)


class _Lines:
    def __init__(self) -> None:
        self._printed: dict[Watched, float] = {}

    def show(self, job: Watched, point: dict[str, Any]) -> None:
        if time.monotonic() - self._printed.get(job, -_LINE_SECONDS) >= _LINE_SECONDS:
            self._printed[job] = time.monotonic()
            err.print(f"{job.title}: step {point['step']} of {point['steps']}, {told(point)}", highlight=False)


def _follow(jobs: Sequence[Watched], display: _Display, stop: threading.Event) -> None:
    last: dict[Watched, dict[str, Any]] = {}
    while not stop.wait(_PAUSE_SECONDS):
        for job in jobs:
            points = read_lines(job.path, dict[str, Any])
            if points and points[-1] != last.get(job):
                last[job] = points[-1]
                display.show(job, points[-1])
