"""Attention over a sequence of actions, newest first, once per request.

Letters: R requests, X rows that ask, S rows that are asked, D width, H heads, C width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.models.common.layers import linear, mlp


def split_heads(x_RSD: Tensor, num_heads: int) -> Tensor:
    """[R, S, D] -> [R, H, S, C]."""
    return x_RSD.unflatten(2, (num_heads, -1)).transpose(1, 2)


def attend(q_RXD: Tensor, k_RSD: Tensor, v_RSD: Tensor, is_seen: Tensor, num_heads: int) -> Tensor:
    """Scaled dot-product attention.

    Args:
        q_RXD: Queries.
        k_RSD: Keys.
        v_RSD: Values.
        is_seen: Which row sees which, [R, X or 1, S]; each row must see one at least.
        num_heads: H, divides D.

    Returns:
        [R, X, D].
    """
    q_RHXC, k_RHSC, v_RHSC = (split_heads(x, num_heads) for x in (q_RXD, k_RSD, v_RSD))
    o_RHXC = functional.scaled_dot_product_attention(q_RHXC, k_RHSC, v_RHSC, attn_mask=is_seen.unsqueeze(1))
    return o_RHXC.transpose(1, 2).flatten(2)


def attend_or_ignore(q_RXD: Tensor, k_RSD: Tensor, v_RSD: Tensor, is_known_RS: Tensor, num_heads: int) -> Tensor:
    """Attention over the known rows and one silent place, whose key and value are zero.

    Where nothing is known the answer is zero, and a sequence that does not fit the query can be ignored.

    Returns:
        [R, X, D].
    """
    k_RSD, v_RSD = (functional.pad(x_RSD, (0, 0, 0, 1)) for x_RSD in (k_RSD, v_RSD))
    is_seen_R1S = functional.pad(is_known_RS, (0, 1), value=True).unsqueeze(1)
    return attend(q_RXD, k_RSD, v_RSD, is_seen_R1S, num_heads)


def see_all(is_known_RS: Tensor) -> Tensor:
    """Every row sees all known rows and itself: [R, S, S]."""
    itself_SS = torch.eye(is_known_RS.shape[1], dtype=torch.bool, device=is_known_RS.device)
    return is_known_RS.unsqueeze(1) | itself_SS


def see_onwards(is_known_RS: Tensor) -> Tensor:
    """Row i sees the known rows j >= i, which are older where the newest comes first, and itself: [R, S, S]."""
    is_onwards_SS = torch.ones(2 * is_known_RS.shape[1:], dtype=torch.bool, device=is_known_RS.device).triu()
    return see_all(is_known_RS) & is_onwards_SS


class TransformerBlock(nn.Module):
    """``x = x + attention(LN(x))``, then ``x + FFN(LN(x))``: 12 D^2 + 13 D parameters.

    Args:
        width: D.
        num_heads: H, divides D.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (linear(width, width) for _ in range(4))
        self.norm_ffn = nn.LayerNorm(width)
        self.ffn = mlp(width, 4 * width, width)

    def forward(self, x_RSD: Tensor, is_seen: Tensor, num_rows: int | None = None) -> Tensor:
        """Pass the sequence through.

        Args:
            x_RSD: The sequence.
            is_seen: Which row sees which, [R, S, S].
            num_rows: Rows at the beginning that ask and go on; all of them by default.

        Returns:
            [R, X, D].
        """
        normed_RSD = self.norm(x_RSD)
        q_RXD = self.query(normed_RSD[:, :num_rows])
        o_RXD = attend(q_RXD, self.key(normed_RSD), self.value(normed_RSD), is_seen[:, :num_rows], self.num_heads)
        return self.finish(x_RSD[:, :num_rows], o_RXD)

    def finish(self, x: Tensor, o: Tensor) -> Tensor:
        """What comes after the attention, for rows x and what they were answered."""
        x = x + self.out(o)
        finished: Tensor = x + self.ffn(self.norm_ffn(x))
        return finished
