"""`uniscale.contracts.frames.hash_id` over Arrow columns: each distinct value of a column is hashed once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from uniscale.contracts.frames import hash_id
from uniscale.contracts.inputs import Identifier
from uniscale.features.encoding.columns import column, flat, lists

Integers = npt.NDArray[np.int32]


def hash_strings(field: str, values: pa.Array | pa.ChunkedArray) -> Integers:
    """Hash of each string of a column; 0 where it is NULL or empty.

    Args:
        field: Field whose identifiers these are.
        values: Strings.
    """
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    encoded = whole.dictionary_encode()
    hashes = [hash_id(field, value) for value in encoded.dictionary.to_pylist()]
    table = np.array([*hashes, 0], dtype=np.int32)  # the last place is that of NULL
    return table[_indices(encoded.indices, len(hashes))]


def hashed(table: pa.Table, one: Identifier, known: Mapping[str, Integers] | None = None) -> pa.Array:
    """What a declared identifier is in each row: one hash, or the first ones of each part of a bag.

    Args:
        table: Rows with the columns that the identifier is made of.
        one: The identifier.
        known: Hashes of all values of list columns that were hashed before, by column.
    """
    if one.width is None:
        (part,) = one.parts
        return pa.array(hash_strings(part.field, column(table, part.column)))
    rows, values = [], []
    for part in one.parts:
        source = flat(table, part.column)
        hashes = (known or {}).get(part.column)
        is_kept = source.places < part.at_most
        values.append((hash_strings(part.field, source.values) if hashes is None else hashes)[is_kept])
        rows.append(source.rows[is_kept])
    if len(rows) == 1:
        return lists(values[0], rows[0], table.num_rows)
    of_row = np.concatenate(rows)
    order = np.argsort(of_row, kind="stable")
    return lists(np.concatenate(values)[order], of_row[order], table.num_rows)


def _indices(indices: pa.Array, null: int) -> npt.NDArray[np.int64]:
    if indices.null_count:
        indices = indices.fill_null(null)
    return np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)
