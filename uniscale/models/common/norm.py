"""Root-mean-square norm: ``x / sqrt(mean(x^2) + eps) * weight`` over the last axis.

On a CPU PyTorch composes its own of many sweeps over memory; the gradient written out takes half the time. A compiler
fuses PyTorch's, so it gets that one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

EPS = 1e-6


class RMSNorm(nn.Module):
    """Norm with a learned gain per column; its statistics are in fp32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        if torch.compiler.is_compiling():
            return functional.rms_norm(x.float(), self.weight.shape, self.weight, EPS).to(x.dtype)
        out: Tensor = _RMSNorm.apply(x.float(), self.weight).to(x.dtype)
        return out


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = torch.rsqrt(length.square() / x.shape[-1] + EPS)
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight, scale = ctx.saved_tensors
        unit = x * scale
        product = grad * unit
        along = (product @ weight).unsqueeze(-1) / x.shape[-1]
        grad_x = (grad * weight).sub_(unit.mul_(along)).mul_(scale)
        return grad_x, product.flatten(0, -2).sum(0)
