"""What a catalogue says when another process is in the way, and how it is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_SIGNS = (
    "database is locked",
    "could not set lock",
    "conflict",
    "failed to commit ducklake transaction",
    "could not serialize access",
    "deadlock detected",
)


class LakeLockedError(RuntimeError):
    """The catalogue stayed locked, or commits kept colliding, for longer than the configured bound."""


def is_busy(error: Exception) -> bool:
    """Whether an error says that another process was in the way."""
    return any(sign in str(error).lower() for sign in _SIGNS)


def retried(work: Callable[[], T], refusal: type[Exception], seconds: float, catalog: str) -> T:
    """Do ``work``, again and again while another process is in its way.

    Args:
        work: May run more than once.
        refusal: Type of the errors that may tell of another process; others are not caught.
        seconds: How long to go on, counted from the first refusal: the time that the work itself takes is not held
            against it.
        catalog: Name of the catalogue, for the message.

    Raises:
        LakeLockedError: Still refused after that time.
    """
    deadline: float | None = None
    pause = 0.05
    while True:
        try:
            return work()
        except refusal as error:
            if not is_busy(error):
                raise
            now = time.monotonic()
            deadline = now + seconds if deadline is None else deadline
            if now + pause > deadline:
                raise LakeLockedError(
                    f"the lake's catalogue {catalog} was busy and stayed so for {seconds:.0f} s: {error}. "
                    "Another process is writing; wait for it, or raise lake.lock_timeout_seconds"
                ) from error
        time.sleep(pause * (1 + random.random()))
        pause = min(2 * pause, 2.0)
