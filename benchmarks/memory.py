"""Peak memory of a command and all processes it starts, summed: ``python -m benchmarks.memory -- make demo``.

Counts proportional set sizes: a page that n processes share counts 1/n in each, so the sum is what the machine gives.
Prints the peak on standard error when the command has ended, and ends with its exit code. Linux only.
"""

from __future__ import annotations

import argparse
import ctypes
import subprocess
import sys
import time

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_INTERVAL_SECONDS = 0.5


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="The command, after --.")
    command = parser.parse_args().command
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        parser.error("give a command after --, for example: -- make demo")
    # Processes whose parent has ended stay descendants of this one.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    start = time.monotonic()
    child = subprocess.Popen(command)
    peak, when, largest = 0, 0.0, ""
    while child.poll() is None:
        total, names = _now()
        if total > peak:
            peak, when, largest = total, time.monotonic() - start, names
        time.sleep(_INTERVAL_SECONDS)
    seconds = time.monotonic() - start
    print(
        f"peak {peak / 2**20:,.0f} MiB over all processes, {when:.0f} s into {seconds:.0f} s: {largest}",
        file=sys.stderr,
    )
    sys.exit(child.returncode)


def _now() -> tuple[int, str]:
    """Bytes of all descendants, and the five largest by name."""
    sizes: list[tuple[int, str]] = []
    for process in psutil.Process().children(recursive=True):
        try:
            sizes.append((process.memory_full_info().pss, process.name()))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    sizes.sort(reverse=True)
    return sum(size for size, _ in sizes), ", ".join(f"{name} {size / 2**20:,.0f}" for size, name in sizes[:5])


if __name__ == "__main__":
    main()
