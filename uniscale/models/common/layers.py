"""Layers that several rankers share.

Letters: N items, T tokens, D width in, O width out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def linear(width_in: int, width_out: int) -> nn.Linear:
    """A linear layer with Xavier-uniform weights and zero bias."""
    layer = nn.Linear(width_in, width_out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(width_in: int, width_hidden: int, width_out: int) -> nn.Sequential:
    """Two linear layers with a GELU between them."""
    return nn.Sequential(linear(width_in, width_hidden), nn.GELU(), linear(width_hidden, width_out))


def zero_last_layer(network: nn.Sequential) -> nn.Sequential:
    """The same network, answering 0 for every input until it is trained."""
    nn.init.zeros_(network[-1].weight)
    nn.init.zeros_(network[-1].bias)
    return network


class TokenLinear(nn.Module):
    """A linear layer of its own for each of T tokens: one batched matrix product for all.

    The weights are [T, D, O] and are initialised slice by slice: an initialiser that sees the whole tensor would take
    D * O for the fan.
    """

    def __init__(self, num_tokens: int, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight_TDO = nn.Parameter(torch.empty(num_tokens, width_in, width_out))
        self.bias_T1O = nn.Parameter(torch.zeros(num_tokens, 1, width_out))
        bound = math.sqrt(6 / (width_in + width_out))
        nn.init.uniform_(self.weight_TDO, -bound, bound)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, O]."""
        return torch.baddbmm(self.bias_T1O, x_TND, self.weight_TDO)


class TokenMlp(nn.Module):
    """Two `TokenLinear` layers with a GELU between them."""

    def __init__(self, num_tokens: int, width_in: int, width_hidden: int, width_out: int) -> None:
        super().__init__()
        self.up = TokenLinear(num_tokens, width_in, width_hidden)
        self.down = TokenLinear(num_tokens, width_hidden, width_out)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, O]."""
        return self.down(functional.gelu(self.up(x_TND)))


def rms_norm(x: Tensor) -> Tensor:
    """Scale the last dimension to unit mean square. There is no gain: the projection that follows absorbs it."""
    return functional.rms_norm(x, (x.shape[-1],))


def self_attention(qkv_TNC: Tensor, num_heads: int) -> Tensor:
    """Scaled dot-product attention among the tokens of each item.

    Args:
        qkv_TNC: Queries, keys and values side by side, [T, N, 3 D].
        num_heads: Heads; divides D.

    Returns:
        [T, N, D].
    """
    num_tokens, num_items, width = qkv_TNC.shape
    heads_TN3HD = qkv_TNC.view(num_tokens, num_items, 3, num_heads, width // (3 * num_heads))
    q_NHTD, k_NHTD, v_NHTD = heads_TN3HD.permute(2, 1, 3, 0, 4).unbind(0)
    out_NHTD = functional.scaled_dot_product_attention(q_NHTD, k_NHTD, v_NHTD)
    return out_NHTD.permute(2, 0, 1, 3).reshape(num_tokens, num_items, width // 3)
