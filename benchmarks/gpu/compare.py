"""Whether a device trains as the processor does: the losses of the same fp32 steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.training.requests import DOMAINS, random_store
from uniscale.contracts.optimisation import TrainConfig
from uniscale.data.loader import Loader
from uniscale.models.zoo import build_model
from uniscale.training.config import Worker
from uniscale.training.loop import Trainer

SIZE = "xs"
STEPS, REQUESTS, ITEMS = 50, 32, 10
TOLERANCE = 2e-4
"""Largest relative difference of a loss.

Rounding the first weights otherwise makes up to 3e-5 in 50 steps, according to the ranker; bf16 makes 5e-4 and more.
"""


def compare(ranker: str, device: str, folder: Path) -> dict[str, Any]:
    """Train a ranker on the processor and on a device, from the same weights on the same rows.

    Args:
        ranker: Its name.
        device: Torch device.
        folder: For the training set.
    """
    on_processor, on_device = (losses(ranker, place, folder) for place in ("cpu", device))
    difference = largest_difference(on_processor, on_device)
    return {
        "first_loss": on_processor[0],
        "last_loss": on_processor[-1],
        "difference": difference,
        "is_same": difference <= TOLERANCE,
    }


def losses(ranker: str, device: str, folder: Path) -> list[float]:
    """Loss of every step."""
    store = random_store(folder, requests=STEPS * REQUESTS, items=ITEMS)
    loader = Loader(store, batch_requests=REQUESTS, seed=0, micro_batch=None)
    config = TrainConfig(
        epochs=1, batch_requests=REQUESTS, embedding_rate=0.1, dense_rate=1e-3, warmup_steps=10, log_steps=1
    )
    torch.manual_seed(0)
    model, worker = build_model(ranker, SIZE, DOMAINS), Worker(device=device)
    return [point["loss"] for point in Trainer(model, loader, config, seed=0, failures=folder, worker=worker).run()]


def largest_difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest relative difference of numbers in the same places."""
    return max(abs(other - one) / abs(one) for one, other in zip(ours, theirs, strict=True))
