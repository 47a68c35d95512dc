"""Hard routing: each item goes to the network of its own domain and to no other.

Items are bucketed by domain, so no work is wasted and a network sees only its own domain's items. A network whose
domain is absent from the batch runs on zero rows: its gradient is zero rather than missing, which keeps distributed
training in step. See `Ranker.domain_parameters` for optimisers that must not move such a network.

Letters: N items, J domains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn


class Buckets(Protocol):
    """Items of a batch by domain."""

    @property
    def domain_N(self) -> Tensor:  # noqa: N802 - the shape is part of the name
        """Index of each item's domain."""

    def split(self, x_NX: Tensor) -> list[Tensor | None]:
        """[N, X] -> per domain [number of its items, X]; None where a domain cannot occur."""

    def join(self, parts: list[Tensor]) -> Tensor:
        """Undo `split`, of the parts that were given."""


class DomainBuckets:
    """Items of any domain.

    Args:
        domain_N: Index of each item's domain.
        num_domains: J.
    """

    def __init__(self, domain_N: Tensor, num_domains: int) -> None:
        self.counts: list[int] = torch.bincount(domain_N, minlength=num_domains).tolist()
        self.domain_N = domain_N
        self._order_N = torch.argsort(domain_N, stable=True)
        self._rank_N = torch.argsort(self._order_N)

    def split(self, x_NX: Tensor) -> list[Tensor | None]:
        """[N, X] -> per domain [number of its items, X]."""
        return list(torch.split(x_NX.index_select(0, self._order_N), self.counts))

    def join(self, parts: list[Tensor]) -> Tensor:
        """Undo `split`."""
        return torch.cat(parts).index_select(0, self._rank_N)


class OneDomain:
    """Items of one known domain: nothing is sorted, so it can be exported.

    Args:
        domain: Its index.
        num_domains: J.
        like: Any tensor of N rows, which tells N and the device.
    """

    def __init__(self, domain: int, num_domains: int, like: Tensor) -> None:
        self._domain = domain
        self._num_domains = num_domains
        self._like = like

    @property
    def domain_N(self) -> Tensor:  # noqa: N802 - the shape is part of the name
        """Index of each item's domain."""
        return torch.full_like(self._like, self._domain, dtype=torch.int64)

    def split(self, x_NX: Tensor) -> list[Tensor | None]:
        """Everything to the one domain."""
        return [x_NX if domain == self._domain else None for domain in range(self._num_domains)]

    def join(self, parts: list[Tensor]) -> Tensor:
        """The one part."""
        (part,) = parts
        return part


class DomainNetworks(nn.Module):
    """One network per domain.

    Args:
        make: Makes a network.
        num_domains: J.
        is_read_by_all: Whether items of one domain need the networks of the others too.
    """

    def __init__(self, make: Callable[[], nn.Module], num_domains: int, *, is_read_by_all: bool = False) -> None:
        super().__init__()
        self.networks = nn.ModuleList(make() for _ in range(num_domains))
        self.is_read_by_all = is_read_by_all

    def prune(self, domain: int) -> None:
        """Keep the network of one domain, unless all are read."""
        if not self.is_read_by_all:
            for index in range(len(self.networks)):
                if index != domain:
                    self.networks[index] = nn.Identity()

    def num_inactive(self) -> int:
        """Parameters of the networks of other domains."""
        if self.is_read_by_all:
            return 0
        sizes = [sum(p.numel() for p in network.parameters()) for network in self.networks]
        return int(sum(sizes) - max(sizes))

    def forward(self, x_NX: Tensor, buckets: Buckets) -> Tensor:
        """[N, X] -> [N, Y], each item through the network of its domain."""
        pairs = zip(self.networks, buckets.split(x_NX), strict=True)
        return buckets.join([network(part) for network, part in pairs if part is not None])
