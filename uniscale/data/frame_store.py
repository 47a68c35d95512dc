"""A training set as fixed-width columns in unnamed files: quick to index, memory left to the page cache."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from uniscale.batch.arrays import Array, Encoded

if TYPE_CHECKING:
    from uniscale.data.histories import Histories


class FrameStore:
    """All requests of a training set, addressed by their place in the order they were read.

    The columns lie in files without a name: they never outlive the process, even one that is killed, and the system
    may drop their pages when memory is short.
    """

    def __init__(self, parts: Iterable[Encoded], spill: Path, histories: Histories | None = None) -> None:
        """Write the columns.

        Args:
            parts: Encoded frames, in the order that gives the requests their numbers.
            spill: Folder whose file system holds the columns.
            histories: The actions of these frames; None where the parts hold them.
        """
        self._histories = histories
        spill.mkdir(parents=True, exist_ok=True)
        self._requests: dict[str, Array] = {}
        self._items: dict[str, Array] = {}
        self._files: list[IO[bytes]] = []
        lengths = self._write(parts, spill)
        self.offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
        """First item of each request, and the number of items at the end."""
        weights = np.concatenate([np.zeros(1), np.cumsum(self._items["weight_N"], dtype=np.float64)])
        self.weight_R = weights[self.offsets[1:]] - weights[self.offsets[:-1]]
        """Sum of the row weights of each request."""

    @property
    def domain_R(self) -> Array:  # noqa: N802 - the name of the batch's field
        """Domain of each request, by index."""
        return self._requests["domain_R"]

    @property
    def num_requests(self) -> int:
        """Requests of the training set."""
        return len(self.offsets) - 1

    @property
    def num_items(self) -> int:
        """Rows of the training set."""
        return int(self.offsets[-1])

    def select(self, requests: Array) -> Encoded:
        """Some requests with their items, in the order given.

        Args:
            requests: Numbers of requests, in [0, num_requests).
        """
        starts = self.offsets[requests]
        lengths = self.offsets[requests + 1] - starts
        ends = np.cumsum(lengths)
        rows = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
        chosen = Encoded(
            requests={name: column[requests] for name, column in self._requests.items()},
            items={name: column[rows] for name, column in self._items.items()},
            offsets=np.concatenate([np.zeros(1, np.int64), ends]),
        )
        return chosen if self._histories is None else self._histories.unfold(chosen)

    def _write(self, parts: Iterable[Encoded], spill: Path) -> Array:
        writers: dict[str, _Column] = {}
        lengths: list[Array] = []
        names: tuple[set[str], set[str]] = (set(), set())
        for part in parts:
            lengths.append(np.diff(part.offsets))
            for kind, columns in zip(names, (part.requests, part.items), strict=True):
                kind.update(columns)
                for name, values in columns.items():
                    if name not in writers:
                        writers[name] = _Column(spill)
                    writers[name].append(values)
        if not lengths:
            raise ValueError(
                "the training set is empty; build frames for the training days first: uniscale step frames"
            )
        self._requests = {name: writers[name].open() for name in sorted(names[0])}
        self._items = {name: writers[name].open() for name in sorted(names[1])}
        self._files = [writer.file for writer in writers.values()]
        return np.concatenate(lengths)


class _Column:
    """One column while it is written."""

    def __init__(self, spill: Path) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(dir=spill)  # noqa: SIM115 - lives as long as the store
        self._rows = 0
        self._dtype: Any = None
        self._shape: tuple[int, ...] = ()

    def append(self, values: Array) -> None:
        self._dtype, self._shape = values.dtype, values.shape[1:]
        self._rows += len(values)
        self.file.write(np.ascontiguousarray(values).data)

    def open(self) -> Array:
        self.file.flush()
        shape = (self._rows, *self._shape)
        if 0 in shape:
            return np.empty(shape, self._dtype)
        return np.memmap(self.file, dtype=self._dtype, mode="r", shape=shape)
