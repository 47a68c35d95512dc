"""Arrow columns as NumPy arrays and back: numbers with NaN for NULL, and lists as flat values with their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Flat:
    """A list column, flattened.

    Attributes:
        values: Elements of all rows, in order.
        rows: Row of each element.
        starts: First element of each row, and the number of elements at the end.
    """

    values: pa.Array
    rows: Array
    starts: Array

    @property
    def places(self) -> Array:
        """Place of each element within its row, from 0."""
        return np.arange(len(self.rows)) - self.starts[self.rows]


def column(table: pa.Table, name: str) -> pa.Array:
    """One column in one piece."""
    chunked = table.column(name)
    return chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()


def numbers(table: pa.Table, name: str) -> Array:
    """A numeric column as 64-bit floats, NaN where it is NULL."""
    return _floats(column(table, name))


def flat(table: pa.Table, name: str) -> Flat:
    """A list column, flattened; NULL is an empty list."""
    lists = column(table, name)
    lengths = list_lengths(lists)
    return Flat(lists.flatten(), np.repeat(np.arange(len(lengths)), lengths), starts_of(lengths))


def list_lengths(column: pa.Array) -> npt.NDArray[np.int64]:
    """Length of each list, 0 for NULL."""
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), dtype=np.int64)


def flat_numbers(table: pa.Table, name: str) -> Array:
    """Elements of a list column of numbers as 64-bit floats."""
    return _floats(column(table, name).flatten())


def flat_integers(table: pa.Table, name: str) -> Array:
    """Elements of a list column of integers."""
    return np.asarray(column(table, name).flatten().to_numpy(zero_copy_only=False), dtype=np.int64)


def starts_of(lengths: Array) -> Array:
    """Where each list begins in the flat values, and their number at the end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def lists(values: pa.Array | Array, rows: Array, num_rows: int) -> pa.Array:
    """A list column of flat values whose rows are in ascending order."""
    starts = starts_of(np.bincount(rows, minlength=num_rows)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), values if isinstance(values, pa.Array) else pa.array(values))


def matrix_lists(matrix: Array) -> pa.Array:
    """A list column whose rows are the rows of a matrix of 32-bit floats."""
    num_rows, width = matrix.shape
    starts = np.arange(0, (num_rows + 1) * width, width, dtype=np.int32) if width else np.zeros(num_rows + 1, np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(np.ascontiguousarray(matrix).reshape(-1)))


def stacked(columns: Sequence[Array], num_rows: int) -> Array:
    """Columns side by side as a matrix of 32-bit floats [num_rows, len(columns)]."""
    matrix = np.empty((num_rows, len(columns)), np.float32)
    for place, values in enumerate(columns):
        matrix[:, place] = values
    return matrix


def _floats(values: pa.Array) -> Array:
    if not pa.types.is_floating(values.type):
        values = values.cast(pa.float64())
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)  # NULL becomes NaN
