"""Optimisers: row-wise Adagrad where gradients are sparse, Adam elsewhere, both with a warm-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from uniscale.models.common.sparse import merged


class RowWiseAdagrad(torch.optim.Optimizer):  # type: ignore[misc]
    """Adagrad with one accumulator per row of an embedding table.

    For row i with gradient g: ``a_i += mean(g^2)``, then ``w_i -= rate * g / (sqrt(a_i) + eps)``. Rows that a batch
    does not touch are not read. Memory is rows, not rows x width.
    """

    def __init__(self, params: Iterable[Parameter] | Iterable[dict[str, Any]], lr: float, eps: float = 1e-8) -> None:
        """Take the tables.

        Args:
            params: Tables of two dimensions, or groups of them.
            lr: Learning rate.
            eps: Keeps the division finite.
        """
        super().__init__(params, {"lr": lr, "eps": eps})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Callable[[], float] | None = None) -> None:
        """Move the rows that have a gradient."""
        if closure is not None:
            raise ValueError("row-wise Adagrad takes no closure; compute gradients before the step")
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None:
                    self._move(table, group["lr"], group["eps"])

    def _move(self, table: Tensor, rate: float, eps: float) -> None:
        state = self.state[table]
        if not state:
            state["sum"] = torch.zeros(table.shape[0], dtype=table.dtype, device=table.device)
        rows, grad = merged(table.grad)
        total = state["sum"].index_select(0, rows) + grad.square().mean(dim=1)
        state["sum"].index_copy_(0, rows, total)
        table.index_add_(0, rows, grad * (-rate / (total.sqrt() + eps)).unsqueeze(1))


class Optimisers:
    """Both optimisers of a model, as one."""

    def __init__(
        self,
        embeddings: Iterable[Parameter],
        dense: Iterable[Parameter],
        *,
        embedding_rate: float,
        dense_rate: float,
        warmup_steps: int,
    ) -> None:
        # A group of its own, which may be empty: fused tables have no optimiser.
        self._embedding = RowWiseAdagrad([{"params": list(embeddings)}], lr=embedding_rate)
        # One kernel for all parameters, in place of some ten operations for each.
        self._dense = torch.optim.Adam(dense, lr=dense_rate, fused=True)
        self._rates = ((self._embedding, embedding_rate), (self._dense, dense_rate))
        self._warmup_steps = warmup_steps

    def step(self, done: int) -> None:
        """Move all parameters and clear their gradients.

        Args:
            done: Steps before this one; decides the warm-up.
        """
        for optimiser, rate in self._rates:
            for group in optimiser.param_groups:
                group["lr"] = rate * self.lr_scale(done)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def lr_scale(self, done: int) -> float:
        """Share of the learning rates that holds after so many steps, in (0, 1]."""
        return min(1.0, (done + 1) / (self._warmup_steps + 1))

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"embedding": self._embedding.state_dict(), "dense": self._dense.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self._embedding.load_state_dict(state["embedding"])
        self._dense.load_state_dict(state["dense"])
