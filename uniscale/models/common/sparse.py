"""Sparse gradients of tables: a row that many look-ups read has one gradient, their sum.

PyTorch's own sparse gradient has a row for each identifier of a batch, which an optimiser then sorts and adds up one by
one. Here the backward pass does both: the gradient of a row is the weighted sum of the gradients of the bags that read
it, so it is again a weighted sum of rows of a matrix, with the look-ups sorted by row.

Letters: X look-ups, G bags, U distinct rows, E width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional


class SparseTable(nn.Module):
    """A matrix whose gradients are sparse: trained by row-wise Adagrad, exchanged between workers as touched rows."""

    weight: nn.Parameter


def train_rows(read_GE: Tensor, table: Tensor, rows_X: Tensor, offsets_G: Tensor, weights_X: Tensor) -> Tensor:
    """What was read from a table, with a gradient for the table: each row once, in ascending order.

    Args:
        read_GE: Weighted sums of rows, made without a gradient for the table; passed on, with its gradient.
        table: The table.
        rows_X: Rows that were read, bag after bag.
        offsets_G: First look-up of each bag.
        weights_X: Weight of each look-up; a weight of 0 trains nothing.
    """
    trained_GE: Tensor = _TrainRows.apply(read_GE, table, rows_X, offsets_G, weights_X.detach())
    return trained_GE


def merged(grad: Tensor) -> tuple[Tensor, Tensor]:
    """Rows with a gradient, each once and ascending, and their gradients.

    Args:
        grad: Of a table; of a dense one the rows that are not zero are taken.
    """
    if not grad.is_sparse:
        rows_U = grad.any(dim=1).nonzero()[:, 0]
        return rows_U, grad.index_select(0, rows_U)
    rows_X, values_XE = grad._indices()[0], grad._values()
    # The flag of a coalesced gradient is lost when it becomes the gradient of a parameter.
    if grad.is_coalesced() or bool((rows_X[1:] > rows_X[:-1]).all()):
        return rows_X, values_XE
    return _sums_by_row(rows_X, torch.arange(rows_X.shape[0], device=rows_X.device), values_XE, None)


def _sums_by_row(rows_X: Tensor, bag_X: Tensor, values_GE: Tensor, weights_X: Tensor | None) -> tuple[Tensor, Tensor]:
    """Distinct rows [U], and the weighted sums of the values of their bags [U, E], in the order of the look-ups."""
    sorted_X, order_X = rows_X.sort(stable=True)
    rows_U, counts_U = torch.unique_consecutive(sorted_X, return_counts=True)
    sums_UE = functional.embedding_bag(
        bag_X.index_select(0, order_X),
        values_GE.contiguous(),
        counts_U.cumsum(0) - counts_U,
        mode="sum",
        per_sample_weights=None if weights_X is None else weights_X.index_select(0, order_X),
    )
    return rows_U.long(), sums_UE


class _TrainRows(Function):
    @staticmethod
    def forward(ctx: Any, read_GE: Tensor, table: Tensor, *look_ups: Tensor) -> Tensor:
        ctx.save_for_backward(*look_ups)
        ctx.shape = table.shape
        return read_GE.view_as(read_GE)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        (grad_GE,) = grads
        rows_X, offsets_G, weights_X = ctx.saved_tensors
        known_X = weights_X.nonzero()[:, 0]
        lengths_G = torch.diff(offsets_G, append=offsets_G.new_tensor([rows_X.shape[0]]))
        bag_X = torch.repeat_interleave(lengths_G, output_size=rows_X.shape[0])
        if known_X.shape[0] < rows_X.shape[0]:
            rows_X, bag_X, weights_X = (values_X.index_select(0, known_X) for values_X in (rows_X, bag_X, weights_X))
        rows_U, sums_UE = _sums_by_row(rows_X, bag_X, grad_GE, weights_X)
        grad = torch.sparse_coo_tensor(rows_U[None], sums_UE, ctx.shape, is_coalesced=True, check_invariants=False)
        return grad_GE, grad, None, None, None
