"""Networks of two layers with weights of their own per token, and how they are computed on a CPU.

As batched products they write the hidden layer of all tokens, tens of megabytes, before the activation reads any of it.
Token by token a hidden layer is still in the cache when the activation, the second product and, on the way back, the
four products of the gradients read it. A compiler, an accelerator and autocast get the batched form.

Letters: N items, T tokens, D width in, O width out, H width of the hidden layer, P columns before the activation.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from uniscale.models.common.layers import TokenLinear

aten = torch.ops.aten


class Gelu:
    """GELU; P = H."""

    num_parts = 1

    @staticmethod
    def batched(h_TNP: Tensor) -> Tensor:
        """The activation, [T, N, H]."""
        return functional.gelu(h_TNP)

    @staticmethod
    def value(h_NP: Tensor, out_NH: Tensor) -> None:
        """Write the activation."""
        aten.gelu.out(h_NP, out=out_NH)

    @staticmethod
    def gradient(grad_NH: Tensor, h_NP: Tensor) -> Tensor:
        """The gradient of the columns before the activation, [N, P], in place of that after it."""
        aten.gelu_backward.grad_input(grad_NH, h_NP, grad_input=grad_NH)
        return grad_NH


class SwiGlu:
    """``up * swish(gate)`` of the columns [gate, up]; P = 2 H."""

    num_parts = 2

    @staticmethod
    def batched(h_TNP: Tensor) -> Tensor:
        """The activation, [T, N, H]."""
        gate_TNH, up_TNH = h_TNP.chunk(2, dim=2)
        return up_TNH * functional.silu(gate_TNH)

    @staticmethod
    def value(h_NP: Tensor, out_NH: Tensor) -> None:
        """Write the activation."""
        gate_NH, up_NH = h_NP.chunk(2, dim=1)
        aten.silu.out(gate_NH, out=out_NH)
        out_NH.mul_(up_NH)

    @staticmethod
    def gradient(grad_NH: Tensor, h_NP: Tensor) -> Tensor:
        """The gradient of the columns before the activation, [N, P]; that after it is overwritten."""
        gate_NH, up_NH = h_NP.chunk(2, dim=1)
        grad_NP = torch.empty_like(h_NP)
        grad_gate_NH, grad_up_NH = grad_NP.chunk(2, dim=1)
        aten.silu.out(gate_NH, out=grad_up_NH)
        grad_up_NH.mul_(grad_NH)
        aten.silu_backward.grad_input(grad_NH.mul_(up_NH), gate_NH, grad_input=grad_gate_NH)
        return grad_NP


class TokenFfn(nn.Module):
    """``down(activation(up(x)))``.

    Args:
        num_tokens: T.
        width_in: D.
        width_hidden: H.
        width_out: O.
    """

    activation: ClassVar[type[Gelu | SwiGlu]]

    def __init__(self, num_tokens: int, width_in: int, width_hidden: int, width_out: int) -> None:
        super().__init__()
        self.up = TokenLinear(num_tokens, width_in, width_hidden, num_parts=self.activation.num_parts)
        self.down = TokenLinear(num_tokens, width_hidden, width_out)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, O]."""
        if torch.compiler.is_compiling() or not x_TND.is_cpu or torch.is_autocast_enabled("cpu"):
            return self.down(self.activation.batched(self.up(x_TND)))
        weights = (self.up.weight_TDO, self.up.bias_T1O, self.down.weight_TDO, self.down.bias_T1O)
        if not torch.is_grad_enabled():
            return _answer(self.activation, x_TND, weights)
        out: Tensor = _TokenByToken.apply(self.activation, x_TND, *weights)
        return out


class TokenMlp(TokenFfn):
    """Two `TokenLinear` layers with a GELU between them."""

    activation = Gelu


class TokenSwiGlu(TokenFfn):
    """``(up(x) * swish(gate(x))) -> down``, with weights of its own per token."""

    activation = SwiGlu


Weights = tuple[Tensor, Tensor, Tensor, Tensor]
"""Matrix and bias of both layers: [T, D, P], [T, 1, P], [T, H, O], [T, 1, O]."""


def _answer(
    activation: type[Gelu | SwiGlu], x_TND: Tensor, weights: Weights, hidden_TNP: Tensor | None = None
) -> Tensor:
    """The answer, [T, N, O]; columns before the activation are kept if there is a place for them."""
    up_TDP, bias_up_T1P, down_THO, bias_down_T1O = weights
    num_tokens, num_items, _ = x_TND.shape
    out_TNO = x_TND.new_empty(num_tokens, num_items, down_THO.shape[2])
    active_NH = x_TND.new_empty(num_items, down_THO.shape[1])
    if hidden_TNP is None:
        hidden_TNP = x_TND.new_empty(num_items, up_TDP.shape[2]).expand(num_tokens, -1, -1)
    for t, h_NP in enumerate(hidden_TNP):
        torch.mm(x_TND[t], up_TDP[t], out=h_NP).add_(bias_up_T1P[t])
        activation.value(h_NP, active_NH)
        torch.mm(active_NH, down_THO[t], out=out_TNO[t]).add_(bias_down_T1O[t])
    return out_TNO


class _TokenByToken(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, activation: type[Gelu | SwiGlu], x_TND: Tensor, *weights: Tensor) -> Tensor:
        up_TDP, bias_up_T1P, down_THO, bias_down_T1O = weights
        h_TNP = x_TND.new_empty(*x_TND.shape[:2], up_TDP.shape[2])
        ctx.activation = activation
        ctx.save_for_backward(x_TND, up_TDP, down_THO, h_TNP)
        return _answer(activation, x_TND, (up_TDP, bias_up_T1P, down_THO, bias_down_T1O), h_TNP)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_TNO: Tensor) -> tuple[Tensor | None, ...]:
        x_TND, up_TDP, down_THO, h_TNP = ctx.saved_tensors
        grad_x_TND = torch.empty_like(x_TND, memory_format=torch.contiguous_format)
        grad_up_TDP, grad_down_THO = torch.empty_like(up_TDP), torch.empty_like(down_THO)
        grad_bias_up_T1P = up_TDP.new_empty(len(up_TDP), 1, up_TDP.shape[2])
        active_NH, grad_active_NH = (x_TND.new_empty(x_TND.shape[1], down_THO.shape[1]) for _ in range(2))
        for t, h_NP in enumerate(h_TNP):
            ctx.activation.value(h_NP, active_NH)
            torch.mm(active_NH.T, grad_TNO[t], out=grad_down_THO[t])
            torch.mm(grad_TNO[t], down_THO[t].T, out=grad_active_NH)
            grad_h_NP = ctx.activation.gradient(grad_active_NH, h_NP)
            torch.mm(x_TND[t].T, grad_h_NP, out=grad_up_TDP[t])
            torch.sum(grad_h_NP, 0, keepdim=True, out=grad_bias_up_T1P[t])
            torch.mm(grad_h_NP, up_TDP[t].T, out=grad_x_TND[t])
        return None, grad_x_TND, grad_up_TDP, grad_bias_up_T1P, grad_down_THO, grad_TNO.sum(1, keepdim=True)
