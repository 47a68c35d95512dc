"""Batches of requests: the same for the same seed, shared out over ranks, restorable at any step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from uniscale.batch.arrays import Array, to_batch
from uniscale.batch.tensors import Batch, Labels
from uniscale.data.frame_store import FrameStore
from uniscale.data.prefetch import prefetch
from uniscale.data.sampler import Sampler, SharesSampler, ShuffledSampler


@dataclass(frozen=True, kw_only=True, slots=True)
class LoaderState:
    """The next step of a run: it and the seed say everything about the batches to come.

    Attributes:
        epoch: Passes over the training set that are complete.
        step: Steps of this epoch that are done.
    """

    epoch: int = 0
    step: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One rank's share of a global batch.

    Attributes:
        micro_batches: This rank's requests and their labels, computed one after the other; as many as every other rank
            has.
        num_items: Rows of the global batch.
        weight: Sum of the row weights of the global batch: what its loss is divided by, whatever the number of ranks.
        domains: Domains of the global batch, by index.
        after: LoaderState when this step is done.
    """

    micro_batches: tuple[tuple[Batch, Labels], ...]
    num_items: int
    weight: float
    domains: frozenset[int]
    after: LoaderState


class Loader:
    """Batches of one rank.

    An epoch is a permutation drawn from (seed, epoch), cut into global batches of ``batch_requests``; rank r takes
    every ``world_size``-th request of each, from the r-th on. All ranks take the same number of steps. Only when fewer
    than ``world_size`` requests are left for the last batch are they left out; the next epoch leaves out others. With
    shares per domain, batches are drawn as `SharesSampler` tells instead, and an epoch has as many full ones.
    """

    def __init__(
        self,
        store: FrameStore,
        *,
        batch_requests: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        shares: Mapping[int, float] | None = None,
        prefetch: int = 0,
        micro_batch: int | None = None,
    ) -> None:
        """Check that every rank will have something to do.

        Args:
            store: The training set, the same on every rank.
            batch_requests: Requests of a global batch, over all ranks.
            seed: Decides the order.
            rank: This process, in [0, world_size).
            world_size: Processes.
            shares: Share of each domain in every batch, by index, together 1; default as in the training set.
            prefetch: Batches that a thread makes ahead; 0 makes each when it is asked for.
            micro_batch: Requests of a micro-batch, at most; default all of a rank's in one.

        Raises:
            ValueError: There are fewer requests, or a smaller batch, than ranks; or a batch is too small for shares.
        """
        if batch_requests < world_size:
            raise ValueError(f"batch_requests={batch_requests} is less than the {world_size} workers; give each one")
        if store.num_requests < world_size:
            raise ValueError(f"{store.num_requests} training requests cannot be shared by {world_size} workers")
        if shares is not None and batch_requests < world_size + len(shares):
            raise ValueError(
                f"batch_requests={batch_requests} is too small to hold {len(shares)} domains at set shares on "
                f"{world_size} workers; use at least {world_size + len(shares)}"
            )
        self.store = store
        self._shares = shares
        self._prefetch = prefetch
        self._micro_batch = micro_batch
        self._batch_requests = batch_requests
        self._seed = seed
        self._rank = rank
        self._world_size = world_size

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one pass over the training set."""
        full, rest = divmod(self.store.num_requests, self._batch_requests)
        if self._shares is not None:
            return max(1, full)
        return full + int(rest >= self._world_size)

    def epoch(self, start: LoaderState) -> Iterator[Step]:
        """This rank's steps from a position to the end of its epoch."""
        return prefetch(self._steps(start), self._prefetch)

    def _steps(self, start: LoaderState) -> Iterator[Step]:
        order = self._order(start.epoch)
        for step in range(start.step, self.steps_per_epoch):
            everyone = order.batch(step)
            ends = step + 1 == self.steps_per_epoch
            yield Step(
                micro_batches=tuple(to_batch(self.store.select(own)) for own in self._micro_batches(everyone)),
                num_items=int((self.store.offsets[everyone + 1] - self.store.offsets[everyone]).sum()),
                weight=float(self.store.weight_R[everyone].sum()),
                domains=frozenset(np.unique(self.store.domain_R[everyone]).tolist()),
                after=LoaderState(epoch=start.epoch + ends, step=0 if ends else step + 1),
            )

    def _micro_batches(self, everyone: Array) -> list[Array]:
        """This rank's requests, cut into as many micro-batches as those of the rank that has most."""
        number = 1
        if self._micro_batch is not None:
            most = -(-len(everyone) // self._world_size)
            number = min(-(-most // self._micro_batch), len(everyone) // self._world_size)
        return np.array_split(everyone[self._rank :: self._world_size], number)

    def sample(self, num_requests: int) -> Batch:
        """Requests drawn over the whole training set, the same on every rank: to fit statistics of the inputs on."""
        picked = np.sort(np.random.default_rng([self._seed]).permutation(self.store.num_requests)[:num_requests])
        return to_batch(self.store.select(picked))[0]

    def _order(self, epoch: int) -> Sampler:
        if self._shares is not None:
            return SharesSampler(self.store.domain_R, self._shares, self._batch_requests, self._seed, epoch)
        return ShuffledSampler(self.store.num_requests, self._batch_requests, self._seed, epoch)
