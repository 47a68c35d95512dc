"""Random requests as a training set, for benchmarks that time and do not judge."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from uniscale.batch.arrays import Encoded
from uniscale.batch.synthetic import random_batch
from uniscale.batch.tensors import Batch, Labels
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.data.frame_store import FrameStore

DOMAINS = ("search", "feed", "shop")


def random_labels(batch: Batch, seed: int = 0) -> Labels:
    """Labels that say nothing about the items."""
    rng = torch.Generator().manual_seed(seed)
    targets = (torch.rand(batch.num_items, len(TASK_NAMES), generator=rng) < 0.1).float()
    places = torch.ones(batch.num_items, dtype=torch.long)
    return Labels(targets_NK=targets, weight_N=torch.ones(batch.num_items), place_N=places)


def random_store(folder: Path, *, requests: int, items: int, num_ids: int = 200_000) -> FrameStore:
    """A training set of so many requests with so many items each."""
    batch = random_batch(sizes=(items,) * requests, length=HISTORY_LENGTH, num_ids=num_ids)
    labels = random_labels(batch)
    arrays = {field.name: _stored(getattr(batch, field.name)) for field in fields(batch)}
    del arrays["request_of_item_N"]
    is_item = {name: name.rsplit("_", 1)[-1].startswith("N") for name in arrays}
    encoded = Encoded(
        requests={name: array for name, array in arrays.items() if not is_item[name]},
        items={
            **{name: array for name, array in arrays.items() if is_item[name]},
            "targets_NK": labels.targets_NK.numpy(),
            "weight_N": labels.weight_N.numpy(),
            "place_N": labels.place_N.numpy(),
        },
        offsets=np.arange(requests + 1) * items,
    )
    return FrameStore([encoded], folder)


def _stored(tensor: torch.Tensor) -> np.ndarray:
    """As in a store of real frames: identifiers take 32 bits."""
    return tensor.numpy() if tensor.is_floating_point() else tensor.numpy().astype(np.int32)
