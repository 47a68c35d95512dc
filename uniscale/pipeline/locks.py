"""One run at a time works on an installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from uniscale.config import Settings
from uniscale.console import err
from uniscale.lake import Lake


@contextmanager
def one_at_a_time(settings: Settings, name: str, wait_seconds: float = 3600.0) -> Iterator[None]:
    """Be alone on the installation's lake (see `Lake.alone`); who has to wait is told so on standard error.

    Raises:
        RuntimeError: Another process was at it for the whole wait; the message names it.
    """
    with Lake(settings).alone(name, wait_seconds, lambda told: err.print(told, highlight=False, markup=False)):
        yield
