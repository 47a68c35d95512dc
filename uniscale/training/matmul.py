"""How exactly matrix products of fp32 tensors are computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def quick_products(is_quick: bool, device: str = "cpu") -> Iterator[None]:
    """Compute the inside of fp32 matrix products in bf16 (TF32 on a GPU), where the machine has units for it.

    Tensors stay fp32. Forward and backward pass both belong inside. Products are exact again after it.

    Args:
        is_quick: Whether to; else products are exact.
        device: Torch device.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if is_quick else "highest")
    # The attention kernel of the CPU makes a small product for every item and head: ten times slower in bf16.
    attention = sdpa_kernel(SDPBackend.MATH) if is_quick and torch.device(device).type == "cpu" else nullcontext()
    try:
        with attention:
            yield
    finally:
        torch.set_float32_matmul_precision(before)
