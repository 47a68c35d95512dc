"""Parameters spread over the workers, for rankers that do not fit one: tables by row, everything else by FSDP2.

Checkpoints hold whole tensors, addressed by name and row. A run may therefore go on with another placement or another
number of workers, and a ranker is saved and loaded as ever.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from uniscale.models.common.embeddings import Embeddings
from uniscale.models.common.sparse import SparseTable
from uniscale.models.ranker import Ranker


def shard_dense(model: Ranker, world_size: int, device: str) -> None:
    """Give every worker a part of each dense parameter, its gradient and its optimiser state (FSDP2).

    Parameters are gathered for a forward and backward pass; gradients are added up over the workers.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(torch.device(device).type, (world_size,))
    fully_shard(model, mesh=mesh, ignored_params=set(model.embedding_parameters()))
    # Losses are divided by the weight of the global batch already; gloo can only add.
    model.set_force_sum_reduction_for_comms(True)
    model.set_gradient_divide_factor(1.0)


def whole(tensor: Tensor) -> Tensor:
    """A tensor with the parts of all workers; every worker must call it."""
    return tensor.full_tensor() if _is_spread(tensor) else tensor


def part(tensor: Tensor, like: Tensor) -> Tensor:
    """This worker's part of a whole tensor, placed as another one is."""
    if _is_spread(like) and tensor.shape == like.shape:
        from torch.distributed.tensor import distribute_tensor

        return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)
    return tensor


def _is_spread(tensor: Tensor) -> bool:
    """Whether it is a DTensor, whose module takes .4 s to import and is there if one of them is."""
    return hasattr(tensor, "full_tensor")


class ShardedEmbeddings(Embeddings):
    """Tables of which worker r of W holds every W-th row, from the r-th on.

    A look-up asks each worker for the rows it holds, each distinct row once; gradients go back the same way. So memory
    per worker shrinks with W, and traffic grows with the distinct rows of a batch.
    """

    def __init__(self, tables: Embeddings, rank: int, world_size: int) -> None:
        """Keep the own rows.

        Args:
            tables: Whole tables, the same on every worker.
            rank: Place of this worker.
            world_size: W.
        """
        nn.Module.__init__(self)
        self.width = tables.width
        self._rows, self._first = tables._rows, tables._first
        self._rank, self._world_size, self._num_rows = rank, world_size, len(tables.weight)
        self.weight = nn.Parameter(self.part(tables.weight.detach()))

    def part(self, tensor: Tensor) -> Tensor:
        """Own rows of a whole tensor."""
        return tensor[self._rank :: self._world_size].clone()

    def whole(self, own: Tensor) -> Tensor:
        """A whole tensor from the rows of all workers; every worker must call it."""
        longest = -(-self._num_rows // self._world_size)
        padded = torch.cat([own, own.new_zeros(longest - len(own), *own.shape[1:])])
        parts = [torch.empty_like(padded) for _ in range(self._world_size)]
        dist.all_gather(parts, padded)
        return torch.stack(parts, 1).flatten(0, 1)[: self._num_rows]

    def sums(self, rows_X: Tensor, offsets_G: Tensor, weights_X: Tensor) -> Tensor:
        """Weighted sums of rows over bags, [G, E]."""
        distinct_U, place_X = torch.unique(rows_X, return_inverse=True)
        vectors_UE = self._ask(distinct_U)
        return functional.embedding_bag(place_X, vectors_UE, offsets_G, mode="sum", per_sample_weights=weights_X)

    def _ask(self, distinct_U: Tensor) -> Tensor:
        """Vectors of distinct rows, from the workers that hold them."""
        owner_U = distinct_U % self._world_size
        order_U = torch.argsort(owner_U, stable=True)
        asked = torch.bincount(owner_U, minlength=self._world_size)
        wanted = torch.empty_like(asked)
        dist.all_to_all_single(wanted, asked)
        sent, received = asked.tolist(), wanted.tolist()
        rows = distinct_U.new_empty(sum(received))
        dist.all_to_all_single(rows, distinct_U[order_U], received, sent)
        held = functional.embedding(rows // self._world_size, self.weight, sparse=True)
        answered: Tensor = _Exchange.apply(held, sent, received)
        return answered[torch.argsort(order_U)]


class _Exchange(torch.autograd.Function):  # type: ignore[misc]
    """Vectors to the workers that asked; in the backward pass their gradients to the workers that hold them."""

    @staticmethod
    def forward(ctx: Any, held: Tensor, sent: list[int], received: list[int]) -> Tensor:
        ctx.sent, ctx.received = sent, received
        answered = held.new_empty(sum(sent), held.shape[1])
        dist.all_to_all_single(answered, held.contiguous(), sent, received)
        return answered

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        back = grad.new_empty(sum(ctx.received), grad.shape[1])
        dist.all_to_all_single(back, grad.contiguous(), ctx.received, ctx.sent)
        return back, None, None


def replicated_tables(model: Ranker) -> list[nn.Parameter]:
    """Tables that every worker holds whole: their gradients must be exchanged."""
    return [
        part.weight
        for part in model.modules()
        if isinstance(part, SparseTable) and not isinstance(part, ShardedEmbeddings) and part.weight.requires_grad
    ]
