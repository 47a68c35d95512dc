"""Attention between tokens of different kinds: weights per token, and projections of all tokens together.

Both are of HiFormer (arXiv 2311.05884); HHSFT calls the first HFA and builds its GFA on the second.

Letters: N items, T tokens, S tokens that ask, D width in, G width of queries, keys and values, H heads.
"""

from __future__ import annotations

from torch import Tensor, nn

from uniscale.models.common.layers import TokenLinear, TokenProjection, projection, self_attention
from uniscale.models.common.token_ffn import TokenMlp


class HeterogeneousAttention(nn.Module):
    """Every token has queries, keys, values, an output matrix and an FFN of its own; residuals, no norm.

    Args:
        num_tokens: T.
        width: D.
        num_heads: H, divides D.
    """

    def __init__(self, num_tokens: int, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = TokenProjection(num_tokens, width, width, num_parts=3)
        self.out = TokenLinear(num_tokens, width, width)
        self.ffn = TokenMlp(num_tokens, width, 4 * width, width)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, D]."""
        q_TND, k_TND, v_TND = self.qkv(x_TND).chunk(3, dim=2)
        o_NTD = self_attention(q_TND, k_TND, v_TND, self.num_heads)
        x_TND = x_TND + self.out(o_NTD.transpose(0, 1))
        return x_TND + self.ffn(x_TND)


class CompositeAttention(nn.Module):
    """Each token's query, key and value are projected from all tokens side by side.

    Args:
        num_tokens: T.
        width_in: D.
        width_out: G.
        num_heads: H, divides G.
        rank: Of the projections; None is full rank.
        num_asking: S, how many tokens ask; None is all of them.
    """

    def __init__(
        self,
        num_tokens: int,
        width_in: int,
        width_out: int,
        *,
        num_heads: int,
        rank: int | None,
        num_asking: int | None = None,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.width_out = width_out
        widths = (num_asking or num_tokens, num_tokens, num_tokens)
        self.qkv = nn.ModuleList(
            composite_projection(num_tokens * width_in, tokens * width_out, rank) for tokens in widths
        )

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> what each asking token found, [N, S, G]."""
        c_NC = x_TND.transpose(0, 1).flatten(1)
        q_SNG, k_TNG, v_TNG = (project(c_NC).unflatten(1, (-1, self.width_out)).transpose(0, 1) for project in self.qkv)
        return self_attention(q_SNG, k_TNG, v_TNG, self.num_heads)


def composite_projection(width_in: int, width_out: int, rank: int | None) -> nn.Module:
    """One matrix, or the product of two thin ones."""
    if rank is None:
        return projection(width_in, width_out)
    return nn.Sequential(projection(width_in, rank), projection(rank, width_out))
