"""Gradients of all workers added up: one reduction for everything dense, one exchange of rows for each table."""

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
    batch lacks, counts as zero on every number of workers alike. Gradients of tables are exchanged meanwhile, merged
    per worker, as (row, gradient) pairs, so traffic grows with the rows that a batch touches and not with the tables.
    Tensors on a GPU need NCCL: gloo can add them up there, and not gather them (`TrainingSettings.process_group`).
    """

    def __init__(self, dense: Sequence[Parameter], embeddings: Sequence[Parameter], world_size: int) -> None:
        """Remember the parameters, in an order that all workers share.

        Args:
            dense: Parameters with dense gradients.
            embeddings: Tables of two dimensions with sparse gradients.
            world_size: Workers; more than one needs an initialised process group.
        """
        self._dense = list(dense)
        self._tables = list(embeddings)
        self._world_size = world_size

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
            dense = dist.all_reduce(flat, async_op=True)
            self._gather()
            dense.wait()
        start = 0
        for parameter in self._dense:
            parameter.grad = flat[start : start + parameter.numel()].view_as(parameter)
            start += parameter.numel()
        return flat[start:]

    def _gather(self) -> None:
        """Give every table the rows of all workers, worker after worker."""
        found = [_merged(table) for table in self._tables]
        if not found:
            return
        own = torch.tensor([rows.numel() for rows, _ in found], device=found[0][0].device)
        numbers = [torch.empty_like(own) for _ in range(self._world_size)]
        dist.all_gather(numbers, own)
        lengths = torch.stack(numbers, 1).tolist()
        for table, length, (rows, grads) in zip(self._tables, lengths, found, strict=True):
            indices, values = _side_by_side(rows, length).unsqueeze(0), _side_by_side(grads, length)
            table.grad = torch.sparse_coo_tensor(indices, values, table.shape, check_invariants=False)


def _side_by_side(own: Tensor, lengths: Sequence[int]) -> Tensor:
    """Values of all workers, each sent straight to its place."""
    together = own.new_empty(sum(lengths), *own.shape[1:])
    parts = together.split(list(lengths))
    parts[dist.get_rank()].copy_(own)
    sent = [dist.broadcast(part, src=rank, async_op=True) for rank, part in enumerate(parts) if part.shape[0]]
    for one in sent:
        one.wait()
    return together


def _merged(table: Parameter) -> tuple[Tensor, Tensor]:
    """Rows of a table with a gradient, each once, and the gradients."""
    if table.grad is None:
        return torch.empty(0, dtype=torch.int64, device=table.device), table.new_empty(0, table.shape[1])
    return merged(table.grad)


def broadcast(model: Module, world_size: int) -> None:
    """Give every worker the first worker's parameters and buffers, so that none can start from others."""
    if world_size > 1:
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)
