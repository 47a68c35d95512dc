"""Shows a running job on standard error from the file its first worker writes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uniscale.cli.console import err

_PAUSE_SECONDS = 0.5
_LINE_SECONDS = 5.0


@contextmanager
def shown(path: Path, title: str, total_epochs: int) -> Iterator[None]:
    """Print a line every few seconds while the block runs.

    Args:
        path: File with one JSON curve point per line; emptied first.
        title: What is trained.
        total_epochs: Epochs of the run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")
    stop = threading.Event()
    thread = threading.Thread(target=_follow, args=(path, title, total_epochs, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        path.unlink(missing_ok=True)


def _follow(path: Path, title: str, total_epochs: int, stop: threading.Event) -> None:
    last, printed = "", 0.0
    while not stop.wait(_PAUSE_SECONDS):
        lines = path.read_text(encoding="utf-8").splitlines()
        # The last line may still be on its way.
        if len(lines) < 2 or lines[-2] == last or time.monotonic() - printed < _LINE_SECONDS:
            continue
        last, printed = lines[-2], time.monotonic()
        point = json.loads(last)
        left = divmod(round(point["seconds_left"]), 60)
        err.print(
            f"{title}: epoch {point['epoch']:.2f} of {total_epochs}, loss {point['loss']:.4f}, "
            f"{point['rows_per_second']:,.0f} rows/s, {left[0]}:{left[1]:02d} left",
            highlight=False,
        )
