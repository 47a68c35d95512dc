"""Gradients of all workers added up: one reduction for everything dense, one gather for all embedding tables."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import Module, Parameter

from uniscale.models.common.sparse import merged


class GradientSync:
    """Sums gradients over the workers of the process group; with one worker it only fills gaps.

    Dense gradients travel as one flat buffer. A dense parameter without a gradient, say the expert of a domain that the
    batch lacks, counts as zero on every number of workers alike. Embedding gradients are merged per worker and gathered
    as (row, gradient) pairs, so traffic grows with the rows that a batch touches and not with the tables.
    """

    def __init__(self, dense: Sequence[Parameter], embeddings: Sequence[Parameter], world_size: int) -> None:
        """Remember the parameters, in an order that all workers share.

        Args:
            dense: Parameters with dense gradients.
            embeddings: Tables of two dimensions with sparse gradients.
            world_size: Workers; more than one needs an initialised process group.
        """
        self._dense = list(dense)
        self._world_size = world_size
        widths = sorted({table.shape[1] for table in embeddings})
        self._tables = [[table for table in embeddings if table.shape[1] == width] for width in widths]

    def __call__(self, numbers: Tensor) -> Tensor:
        """Replace every gradient by its sum over the workers.

        Args:
            numbers: Further numbers of this worker to add up on the way, [K] float.

        Returns:
            Their sums.
        """
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self._dense]
        flat = torch.cat([grad.reshape(-1) for grad in grads] + [numbers.to(torch.float32)])
        if self._world_size > 1:
            dist.all_reduce(flat)
            for group in self._tables:
                self._gather(group)
        start = 0
        for parameter in self._dense:
            parameter.grad = flat[start : start + parameter.numel()].view_as(parameter)
            start += parameter.numel()
        return flat[start:]

    def _gather(self, tables: list[Parameter]) -> None:
        """Exchange the gradients of tables of one width."""
        found = [_merged(table) for table in tables]
        sizes = self._gather_equal(torch.tensor([rows.numel() for rows, _ in found], device=tables[0].device))
        longest = max(int(size.sum()) for size in sizes)
        rows = self._gather_equal(_padded(torch.cat([rows for rows, _ in found]), longest))
        grads = self._gather_equal(_padded(torch.cat([grad for _, grad in found]), longest))
        parts = [
            list(zip(r[: int(size.sum())].split(size.tolist()), g[: int(size.sum())].split(size.tolist()), strict=True))
            for r, g, size in zip(rows, grads, sizes, strict=True)
        ]
        for index, table in enumerate(tables):
            indices = torch.cat([part[index][0] for part in parts]).unsqueeze(0)
            values = torch.cat([part[index][1] for part in parts])
            table.grad = torch.sparse_coo_tensor(indices, values, table.shape, check_invariants=False)

    def _gather_equal(self, values: Tensor) -> list[Tensor]:
        gathered = [torch.empty_like(values) for _ in range(self._world_size)]
        dist.all_gather(gathered, values.contiguous())
        return gathered


def _merged(table: Parameter) -> tuple[Tensor, Tensor]:
    """Rows of a table with a gradient, each once, and the gradients."""
    if table.grad is None:
        return torch.empty(0, dtype=torch.int64, device=table.device), table.new_empty(0, table.shape[1])
    return merged(table.grad)


def _padded(values: Tensor, length: int) -> Tensor:
    padding = values.new_zeros(length - values.shape[0], *values.shape[1:])
    return torch.cat([values, padding])


def broadcast(model: Module, world_size: int) -> None:
    """Give every worker the first worker's parameters and buffers, so that none can start from others."""
    if world_size > 1:
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)
