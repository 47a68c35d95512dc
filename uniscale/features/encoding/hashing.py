"""`uniscale.contracts.frames.hash_id` over Arrow columns: each distinct value is hashed once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from uniscale.contracts.frames import hash_id

Integers = npt.NDArray[np.int32]


def hash_strings(field: str, values: pa.Array | pa.ChunkedArray) -> Integers:
    """Hash of each string of a column; 0 where it is NULL or empty.

    Args:
        field: Field whose identifiers these are.
        values: Strings.
    """
    column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    encoded = column.dictionary_encode()
    hashes = [hash_id(field, value) for value in encoded.dictionary.to_pylist()]
    table = np.array([*hashes, 0], dtype=np.int32)  # the last place is that of NULL
    return table[_indices(encoded.indices, len(hashes))]


def _indices(indices: pa.Array, null: int) -> npt.NDArray[np.int64]:
    if indices.null_count:
        indices = indices.fill_null(null)
    return np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)
