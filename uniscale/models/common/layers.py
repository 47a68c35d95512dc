"""Layers that several rankers share.

Letters: N items, T tokens, D width in, O width out, H heads, C width of a head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def linear(width_in: int, width_out: int) -> nn.Linear:
    """A linear layer with Xavier-uniform weights and zero bias."""
    layer = nn.Linear(width_in, width_out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def projection(width_in: int, width_out: int) -> nn.Linear:
    """A matrix with Xavier-uniform weights: no bias, which softmax would not see in a key."""
    layer = nn.Linear(width_in, width_out, bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return layer


def linear_of_parts(layer: nn.Linear, parts: Sequence[Tensor]) -> Tensor:
    """A layer's output for tensors side by side: the sum of a product for each, so they are never copied together.

    Args:
        layer: The layer; as wide as all parts together.
        parts: [N, D] each.

    Returns:
        [N, O].
    """
    (first, *others), (weight, *weights) = parts, layer.weight.split([part.shape[1] for part in parts], 1)
    total = functional.linear(first, weight, layer.bias)
    for part, rest in zip(others, weights, strict=True):
        total = total + functional.linear(part, rest)
    return total


def num_heads(width: int) -> int:
    """Attention heads: two, and more only where each still has 32 columns, below which the kernels are slow."""
    return max(2, width // 32)


def mlp(width_in: int, width_hidden: int, width_out: int) -> nn.Sequential:
    """Two linear layers with a GELU between them."""
    return nn.Sequential(linear(width_in, width_hidden), nn.GELU(), linear(width_hidden, width_out))


def zero_last_layer(network: nn.Sequential) -> nn.Sequential:
    """The same network, answering 0 for every input until it is trained."""
    nn.init.zeros_(network[-1].weight)
    nn.init.zeros_(network[-1].bias)
    return network


class TokenProjection(nn.Module):
    """A matrix of its own for each of T tokens: one batched matrix product for all.

    Args:
        num_tokens: T.
        width_in: D.
        width_out: O.
        num_parts: Matrices side by side, as for query, key and value; the output is then num_parts O wide.
    """

    def __init__(self, num_tokens: int, width_in: int, width_out: int, num_parts: int = 1) -> None:
        super().__init__()
        # Xavier-uniform per token and part: an initialiser that sees the whole tensor would take D * O for the fan.
        bound = math.sqrt(6 / (width_in + width_out))
        weight_TDO = torch.empty(num_tokens, width_in, num_parts * width_out).uniform_(-bound, bound)
        self.weight_TDO = nn.Parameter(weight_TDO)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, O]."""
        return torch.bmm(x_TND, self.weight_TDO)


class TokenLinear(TokenProjection):
    """A `TokenProjection` with a bias per token."""

    def __init__(self, num_tokens: int, width_in: int, width_out: int, num_parts: int = 1) -> None:
        super().__init__(num_tokens, width_in, width_out, num_parts)
        self.bias_T1O = nn.Parameter(torch.zeros(num_tokens, 1, num_parts * width_out))

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, O]."""
        return torch.baddbmm(self.bias_T1O, x_TND, self.weight_TDO)


def self_attention(q_TND: Tensor, k_TND: Tensor, v_TND: Tensor, num_heads: int) -> Tensor:
    """Scaled dot-product attention among the tokens of each item.

    Args:
        q_TND: Queries; other tokens than those of the keys may ask, then T of the answer is their number.
        k_TND: Keys.
        v_TND: Values.
        num_heads: Heads; divides D.

    Returns:
        [N, T, D].
    """
    q_NHTC, k_NHTC, v_NHTC = (
        x_TND.unflatten(2, (num_heads, -1)).permute(1, 2, 0, 3) for x_TND in (q_TND, k_TND, v_TND)
    )
    return functional.scaled_dot_product_attention(q_NHTC, k_NHTC, v_NHTC).transpose(1, 2).flatten(2)
