"""Training trials side by side."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any


def run_all(run: Callable[[Any], dict[str, Any]], work: Sequence[Any]) -> list[dict[str, Any]]:
    """Run each piece of work, one process a core; results come in the order in which they are done."""
    trials = []
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        for trial in pool.imap_unordered(run, work):
            trials.append(trial)
            print(f"{len(trials)} of {len(work)}: {trial}", file=sys.stderr, flush=True)
    return trials
