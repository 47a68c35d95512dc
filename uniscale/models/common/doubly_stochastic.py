"""Square matrices whose rows and columns sum to one, between a permutation and plain averaging.

Letters: X matrices, n rows.
"""

from __future__ import annotations

import torch
from torch import Tensor


def symmetric(x_Xnn: Tensor) -> Tensor:
    """``(W + W^T) / 2`` of each matrix, [..., n, n]."""
    return (x_Xnn + x_Xnn.transpose(-1, -2)) / 2


def sinkhorn(logits_Xnn: Tensor, *, num_iterations: int) -> Tensor:
    """Exponentials of the logits, columns and rows normalised in turn (Sinkhorn and Knopp).

    It works on logarithms: logits of any size stay finite. Rows come last, so they sum to one exactly; columns do
    after enough iterations. Large logits, those of a low temperature, need more of them.

    Args:
        logits_Xnn: Logits, [..., n, n]; fp32.
        num_iterations: At least 1.

    Returns:
        [..., n, n].
    """
    # Matrices stand in the last axis: normalising many small ones is then one sweep over memory.
    x_nnX = logits_Xnn.movedim((-2, -1), (0, 1))
    for _ in range(num_iterations):
        x_nnX = x_nnX.log_softmax(0).log_softmax(1)
    return x_nnX.exp().movedim((0, 1), (-2, -1)).contiguous()


def effective_rank(x_Xnn: Tensor) -> Tensor:
    """Exponential of the entropy of the singular values' shares, [...]: 1 for averaging, n for a permutation."""
    share_Xn = torch.linalg.svdvals(x_Xnn)
    share_Xn = share_Xn / share_Xn.sum(-1, keepdim=True)
    return torch.special.entr(share_Xn).sum(-1).exp()


def row_entropy(x_Xnn: Tensor) -> Tensor:
    """Mean entropy of the rows in nats, [...]: 0 for a permutation, ln n for averaging."""
    return torch.special.entr(x_Xnn).sum(-1).mean(-1)
