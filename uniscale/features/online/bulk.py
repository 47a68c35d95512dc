"""What is asked of an online store beyond Feast's interface: bulk writes, deletes, and a note of what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

import pyarrow as pa
from feast import FeatureView, RepoConfig

from uniscale.features.online.protos import encode_keys


class BulkStore(Protocol):
    """An online store of Feast that can also be written in bulk; Feast's own reads see what is written.

    What it holds of a generation is noted in the store itself: a store that lost its data lost the note as well.

    Attributes:
        faults: What it raises when it cannot be reached.
    """

    faults: ClassVar[tuple[type[Exception], ...]]

    def address(self, config: RepoConfig) -> str:
        """Where the store is, for messages."""
        ...

    def write_rows(self, config: RepoConfig, view: FeatureView, rows: pa.Table, values: Mapping[str, pa.Array]) -> None:
        """Put rows in place of what their keys hold.

        Args:
            config: Configuration with the project.
            view: The view.
            rows: Join keys and both clocks.
            values: Serialised values by feature.
        """
        ...

    def delete_keys(self, config: RepoConfig, view: FeatureView, keys: pa.Table) -> int:
        """Take the rows of keys out of a view; returns how many there were."""
        ...

    def clear(self, config: RepoConfig, views: list[FeatureView]) -> None:
        """Take everything out of the project, with the note."""
        ...

    def held(self, config: RepoConfig) -> str | None:
        """Generation that the project holds, or None: then it may hold anything."""
        ...

    def hold(self, config: RepoConfig, generation: str | None) -> None:
        """Note the generation that the project holds from now on; None before its content changes."""
        ...

    def compact(self, config: RepoConfig) -> None:
        """Make deleted rows unreadable in the store's files."""
        ...


def bulk_store(store: Any) -> BulkStore:
    """The online store behind an open feature store."""
    online: BulkStore = store._get_provider().online_store
    return online


def key_bytes(view: FeatureView, rows: pa.Table) -> pa.Array:
    """Entity keys of rows, as Feast's stores have them."""
    return encode_keys([(name, rows.column(name).combine_chunks()) for name in view.join_keys])


@contextmanager
def answering(store: Any, otherwise: str) -> Iterator[None]:
    """Say where the online store is, and what holds meanwhile, when it does not answer.

    Raises:
        ValueError: It does not answer.
    """
    online = bulk_store(store)
    try:
        yield
    except online.faults as error:
        raise ValueError(
            f"{online.address(store.config)} does not answer: {error}; {otherwise}. "
            "Run the same command again when it does"
        ) from error
