"""Memory that a training process uses again in its next step."""

from __future__ import annotations

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGEST_REUSED = 32 * 2**20
LARGEST_KEPT = 2**30


def keep_memory() -> bool:
    """Let this process keep the memory of freed tensors for the tensors of the next step.

    By default glibc gives large blocks back to the system when they are freed, and each step takes new pages, which the
    system clears first. From here on blocks of up to `LARGEST_REUSED` bytes come from memory that was used before, and
    up to `LARGEST_KEPT` free bytes stay with the process. Numbers do not change.

    Returns:
        Whether it was done: another C library has no such setting, and is left as it is.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGEST_REUSED) and mallopt(_M_TRIM_THRESHOLD, LARGEST_KEPT))
