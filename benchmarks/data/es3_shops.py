"""Shops of about so many candidate rows over four days: three to train on and one to test on."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from argparse import ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.rankers.weights import write_policy
from benchmarks.shop import START, Shop
from uniscale.simulator.simulate import simulate
from uniscale.simulator.sizes import SIZES, Size

TRAIN_DAYS = 3
SEED = 7
_ROWS_PER_SEARCH = 93
"""Candidate rows of all domains per search request, in size m."""


class ScaledShop(Shop):
    """Size m with fewer or more users and searches; its items, categories and queries stay."""

    def __init__(self, folder: Path, rows: int) -> None:
        super().__init__(folder, size="m", train_days=TRAIN_DAYS)
        self._out, self._rows = folder / "shop", rows
        # The scripts that the build is held against have no lift.
        self.settings.policy = write_policy(folder, {"attribution.weight": "rule"})

    def simulate(self, seed: int = SEED) -> float:
        """Write the logs, in a process of its own; returns seconds."""
        return float(self.run("benchmarks.data.es3_shops", str(self._rows), str(self._out), str(seed))["seconds"])

    def run(self, module: str, *words: str) -> dict[str, Any]:
        """Run a module of the benchmarks in a fresh process on this shop.

        Returns:
            The JSON document that it prints, and ``cpu_seconds``.
        """
        print(f"{self._rows:,} rows: {module} {' '.join(words)}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", module, *words]
        before = cpu_seconds()
        done = subprocess.run(command, env=self.environment(), check=True, stdout=subprocess.PIPE, text=True)
        return {**json.loads(done.stdout), "cpu_seconds": cpu_seconds() - before}


def cpu_seconds() -> float:
    """Processor time of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def scaled(rows: int) -> Size:
    """Size m with as many users and searches as make about ``rows`` candidate rows in the four days."""
    base = SIZES["m"]
    searches = max(1, round(rows / (TRAIN_DAYS + 1) / _ROWS_PER_SEARCH))
    users = max(50, round(base.num_users * searches / base.searches_per_day))
    return replace(base, searches_per_day=searches, num_users=users)


def parse_rows(text: str) -> int:
    """A number of rows, also as 5e6.

    Raises:
        ArgumentTypeError: Not a number, or below 10,000: a smaller shop has too few searches to learn queries from.
    """
    try:
        rows = round(float(text))
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no number of rows; write 200000 or 2e5") from None
    if rows < 10_000:
        raise ArgumentTypeError(f"--rows {text} is too small a shop; use 10,000 or more")
    return rows


def peak_mib() -> float:
    """Largest resident set of this process so far, MiB; unlike ``ru_maxrss`` not that of the process it came from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Simulate ``ROWS OUT SEED``."""
    rows, out, seed = sys.argv[1:]
    SIZES["scaled"] = scaled(int(rows))
    start = time.perf_counter()
    counts = simulate(Path(out), days=TRAIN_DAYS + 1, size="scaled", seed=int(seed), start=START)
    print(json.dumps({"seconds": time.perf_counter() - start, "rows": counts}))


if __name__ == "__main__":
    main()
