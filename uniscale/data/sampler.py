"""Which requests a global batch holds: a function of the seed, the epoch and the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from uniscale.batch.arrays import Array


class Sampler(Protocol):
    """Requests of every batch of an epoch."""

    def batch(self, step: int) -> Array:
        """Numbers of the requests of a step's global batch."""


class ShuffledSampler:
    """A permutation of all requests, cut into batches; the last one may be smaller.

    Args:
        num_requests: Requests of the training set.
        batch_requests: Requests of a batch.
        seed: With the epoch decides the permutation.
        epoch: Number of the epoch.
    """

    def __init__(self, num_requests: int, batch_requests: int, seed: int, epoch: int) -> None:
        self._order = np.random.default_rng([seed, epoch]).permutation(num_requests)
        self._size = batch_requests

    def batch(self, step: int) -> Array:
        """Numbers of the requests of a step's global batch."""
        return self._order[step * self._size :][: self._size]


class SharesSampler:
    """Batches that hold each domain at a set share, whatever its share of the training set.

    Each domain is a stream of its own: permutations of its requests, one after the other. A domain whose share is
    larger than in the data comes round more than once in an epoch; of one whose share is smaller, an epoch holds a
    part, another one each epoch. What rounding leaves over goes to later batches, so shares are exact over an epoch,
    and a batch may be smaller or larger by as many requests as there are domains.

    Args:
        domain_R: Domain of every request, by index.
        shares: Share of each domain, by index; together 1.
        batch_requests: Requests of a batch.
        seed: With the epoch decides the permutations.
        epoch: Number of the epoch.

    Raises:
        ValueError: A domain with a share has no request.
    """

    def __init__(
        self, domain_R: Array, shares: Mapping[int, float], batch_requests: int, seed: int, epoch: int
    ) -> None:
        self._requests = {domain: np.nonzero(domain_R == domain)[0] for domain, share in shares.items() if share > 0}
        for domain, requests in self._requests.items():
            if not len(requests):
                raise ValueError(f"domain {domain} has a share of {shares[domain]:g}, but no training request")
        self._shares = np.array([shares[domain] for domain in self._requests])
        self._size = batch_requests
        self._seed = [seed, epoch]
        self._permutations: dict[tuple[int, int], Array] = {}

    def batch(self, step: int) -> Array:
        """Numbers of the requests of a step's global batch, domain by domain."""
        ends, starts = self._taken(step + 1), self._taken(step)
        parts = [
            self._stream(domain, int(start), int(end))
            for domain, start, end in zip(self._requests, starts, ends, strict=True)
        ]
        return np.concatenate(parts)

    def _taken(self, steps: int) -> Array:
        """Requests that each domain has given after so many steps."""
        return np.floor(self._shares * self._size * steps + 1e-6).astype(np.int64)

    def _stream(self, domain: int, start: int, end: int) -> Array:
        """Places ``start`` to ``end`` of a domain's endless stream."""
        size = len(self._requests[domain])
        places = np.arange(start, end)
        return np.concatenate(
            [np.empty(0, np.int64)]
            + [
                self._permutation(domain, lap)[places[places // size == lap] % size]
                for lap in range(start // size, -(-end // size))
            ]
        )

    def _permutation(self, domain: int, lap: int) -> Array:
        if (domain, lap) not in self._permutations:
            rng = np.random.default_rng([*self._seed, domain, lap])
            kept = {key: value for key, value in self._permutations.items() if key[0] != domain or key[1] >= lap - 1}
            self._permutations = {**kept, (domain, lap): rng.permutation(self._requests[domain])}
        return self._permutations[domain, lap]
