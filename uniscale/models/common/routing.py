"""Hard routing: each item goes to the network of its own domain and to no other.

Items are bucketed by domain, so no work is wasted and a network sees only its own domain's items. A network whose
domain is absent from the batch runs on zero rows: its gradient is zero rather than missing, which keeps distributed
training in step. See `Ranker.domain_parameters` for optimisers that must not move such a network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class DomainBuckets:
    """Items of a batch, sorted by domain.

    Args:
        domain_N: Index of each item's domain.
        num_domains: J.
    """

    def __init__(self, domain_N: Tensor, num_domains: int) -> None:
        self.counts: list[int] = torch.bincount(domain_N, minlength=num_domains).tolist()
        self.domain_N = domain_N
        self._order_N = torch.argsort(domain_N, stable=True)
        self._rank_N = torch.argsort(self._order_N)

    def split(self, x_NX: Tensor) -> list[Tensor]:
        """[N, X] -> per domain [number of its items, X]."""
        return list(torch.split(x_NX.index_select(0, self._order_N), self.counts))

    def join(self, parts: list[Tensor]) -> Tensor:
        """Undo `split`."""
        return torch.cat(parts).index_select(0, self._rank_N)


class DomainNetworks(nn.Module):
    """One network per domain."""

    def __init__(self, make: Callable[[], nn.Module], num_domains: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(make() for _ in range(num_domains))

    def forward(self, x_NX: Tensor, buckets: DomainBuckets) -> Tensor:
        """[N, X] -> [N, Y], each item through the network of its domain."""
        return buckets.join([network(part) for network, part in zip(self.networks, buckets.split(x_NX), strict=True)])
