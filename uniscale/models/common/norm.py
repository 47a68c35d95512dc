"""Root-mean-square norm: ``x / sqrt(mean(x^2) + eps) * weight`` over the last axis.

On a CPU PyTorch composes its own of many sweeps over memory; the gradient written out, a thousand rows at a time while
they are in the cache, takes a third of the time. An accelerator has a kernel for PyTorch's and a compiler fuses it, so
they get that one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

EPS = 1e-6

ROWS = 1024
"""Rows that are normed at a time."""


class RMSNorm(nn.Module):
    """Norm with a learned gain per column; its statistics are in fp32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        if torch.compiler.is_compiling() or not x.is_cpu:
            return functional.rms_norm(x.float(), self.weight.shape, self.weight, EPS).to(x.dtype)
        out: Tensor = _RMSNorm.apply(x.float(), self.weight).to(x.dtype)
        return out


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        width = x.shape[-1]
        x_XD = x.reshape(-1, width)
        out_XD, scale_X1 = torch.empty_like(x_XD), x_XD.new_empty(len(x_XD), 1)
        for x_rD, out_rD, scale_r1 in _blocks(x_XD, out_XD, scale_X1):
            torch.linalg.vector_norm(x_rD, dim=1, keepdim=True, out=scale_r1)
            scale_r1.square_().div_(width).add_(EPS).rsqrt_()
            torch.mul(x_rD, scale_r1, out=out_rD).mul_(weight)
        ctx.save_for_backward(x_XD, weight, scale_X1)
        return out_XD.view(x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x_XD, weight, scale_X1 = ctx.saved_tensors
        grad_x_XD, grad_weight = torch.empty_like(x_XD), torch.zeros_like(weight)
        for x_rD, scale_r1, grad_rD, grad_x_rD in _blocks(x_XD, scale_X1, grad.reshape(x_XD.shape), grad_x_XD):
            product_rD = grad_rD * x_rD
            grad_weight.addmv_(product_rD.T, scale_r1[:, 0])
            along_r1 = (product_rD @ weight).unsqueeze(1).mul_(scale_r1.pow(3)).div_(len(weight))
            torch.mul(grad_rD, weight, out=grad_x_rD).mul_(scale_r1).addcmul_(x_rD, along_r1, value=-1)
        return grad_x_XD.view(grad.shape), grad_weight


def _blocks(*tensors: Tensor) -> Iterable[tuple[Tensor, ...]]:
    return zip(*(tensor.split(ROWS) for tensor in tensors), strict=True)
