"""Training steps of the engine, taken one at a time and looked into: for benchmarks that time them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training.requests import DOMAINS
from uniscale.batch.tensors import Batch, Labels
from uniscale.data.loader import Step
from uniscale.models.loss import ranking_loss
from uniscale.models.ranker import Ranker
from uniscale.training.curve import TrainingMetrics
from uniscale.training.loop import Trainer

KINDS = {
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm"),
    "attention": (
        "aten::_scaled_dot_product",
        "aten::_flash_attention",
        "aten::_efficient_attention",
        "aten::_cudnn_attention",
        "aten::_softmax",
        "aten::softmax",
    ),
    "activation": ("aten::gelu", "aten::silu", "aten::relu", "aten::sigmoid", "aten::tanh", "aten::threshold"),
    "norm": (
        "aten::native_layer_norm",
        "aten::_fused_rms_norm",
        "aten::rms_norm",
        "aten::native_batch_norm",
        "aten::linalg_vector_norm",
    ),
    "tables": ("aten::_embedding_bag", "aten::embedding", "aten::_coalesce", "aten::coalesce", "aten::sort"),
    "optimiser": ("aten::_fused_adam", "aten::_foreach"),
    "copies": ("aten::copy_", "aten::cat", "aten::index_select", "aten::stack", "aten::clone", "aten::gather"),
    "sums and products": ("aten::add", "aten::mul", "aten::sum", "aten::div", "aten::sub", "aten::where"),
    "compiled": ("triton_", "cpp_fused"),
}
"""Kinds of operations by how their names in `torch.profiler` begin; the first that fits: addmm is a product, no sum."""


class Stepper:
    """A trainer that takes the steps it is given."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        trainer.model.train()
        steps, device = trainer.total_steps, trainer._worker.device
        self._watch = TrainingMetrics(
            domains=DOMAINS, steps_per_epoch=steps, total_steps=steps, done=0, workers=1, device=device
        )

    def __call__(self, step: Step) -> None:
        """Forward pass, backward pass and update."""
        self.trainer._step(step, self._watch)
        self.trainer.num_steps += 1


def training_flops(model: Ranker, batch: Batch, labels: Labels) -> int:
    """Operations of a batch, forward and backward; attention is counted by its plain form."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        (ranking_loss(model(batch), labels) + model.penalty().to(labels.weight_N.device)).backward()
    model.zero_grad(set_to_none=True)
    return int(counter.get_total_flops())


def own_times(events: Iterable[Any], device: str) -> dict[str, float]:
    """Microseconds by operation, without what it calls: of the processor, or of the kernels that it launches.

    Args:
        events: Of a profile, averaged by key.
        device: Torch device whose time it is.
    """
    on_processor = [event for event in events if event.device_type == torch.autograd.DeviceType.CPU]
    name = "self_cpu_time_total" if torch.device(device).type == "cpu" else "self_device_time_total"
    return {event.key: float(getattr(event, name)) for event in on_processor}


def shares_by_kind(times: Mapping[str, float], total: float) -> dict[str, float]:
    """Shares of a whole by kind of operation; what no operation accounts for is other.

    Args:
        times: By name of the operation.
        total: The whole.
    """
    kinds = dict.fromkeys(KINDS, 0.0)
    for name, spent in times.items():
        kind = next((kind for kind, begins in KINDS.items() if name.startswith(begins)), None)
        if kind is not None:
            kinds[kind] += spent / total
    return {**kinds, "other": 1 - sum(kinds.values())}
