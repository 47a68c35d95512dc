"""Arrow columns as the bytes that Feast's online stores hold, a column at a time.

Feast writes a value as a protobuf message and an entity key in a format of its own. Both are put together here with
Arrow and NumPy, without an object per value; tests hold the bytes equal to those of Feast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # wire types of protobuf
_STRING_KEY = 2  # Feast's number for a text in an entity key
_FIELDS = {
    pa.string(): (2, 12, _LENGTH),
    pa.int32(): (3, 13, _VARINT),
    pa.int64(): (4, 14, _VARINT),
    pa.float64(): (5, 15, _FIXED64),
    pa.float32(): (6, 16, _FIXED32),
    pa.bool_(): (7, 17, _VARINT),
    pa.timestamp("s"): (8, 18, _VARINT),
}
_NO_SEPARATOR = pa.scalar(b"", pa.binary())
_LIST_ELEMENT = b"\x0a"  # field 1, with a length


def encode_values(column: pa.Array) -> pa.Array:
    """Serialised Feast values of a column; a NULL is the empty message.

    Args:
        column: Texts, whole numbers, floating-point numbers, booleans or time stamps (naive ones are UTC), or lists.

    Returns:
        A binary array without NULLs.

    Raises:
        ValueError: The type has no counterpart in Feast, or a list holds a NULL.
    """
    if pa.types.is_list(column.type):
        encoded = _lists(column)
    else:
        field, _, wire = _field(column.type)
        payload = _scalars(column)
        encoded = _framed(_tag(field, _LENGTH), payload) if wire == _LENGTH else join(_tag(field, wire), payload)
    return pc.fill_null(encoded, b"")


def encode_keys(columns: Sequence[tuple[str, pa.Array]]) -> pa.Array:
    """Entity keys as Feast serialises them (version 3).

    Args:
        columns: Name and values of each join key; the values are texts without NULLs.
    """
    ordered = sorted(columns, key=lambda column: column[0])
    head = _u32(len(ordered))
    for name, _ in ordered:
        head += _u32(_STRING_KEY) + _u32(len(name.encode())) + name.encode()
    pieces: list[bytes | pa.Array] = [head]
    for _, values in ordered:
        binary = values.cast(pa.binary())
        lengths = pc.binary_length(binary).to_numpy(zero_copy_only=False).astype("<u4")
        pieces += [_u32(_STRING_KEY), _fixed(lengths), binary]
    return join(*pieces)


def encode_moments(clock: pa.Array) -> pa.Array:
    """Serialised time stamps (protobuf's own message) of a column of moments; naive ones are UTC."""
    micros = clock.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    seconds, nanos = np.divmod(micros, 1_000_000)
    fraction = join(b"\x10", _varints((1_000 * nanos).astype(np.uint64)))
    return join(b"\x08", _varints(seconds.view(np.uint64)), pc.if_else(pa.array(nanos == 0), b"", fraction))


def join(*pieces: bytes | pa.Array) -> pa.Array:
    """Binary pieces put together row by row; a NULL piece makes the row NULL."""
    scalars = [pa.scalar(piece, pa.binary()) if isinstance(piece, bytes) else piece for piece in pieces]
    return pc.binary_join_element_wise(*scalars, _NO_SEPARATOR)


def _lists(column: pa.Array) -> pa.Array:
    elements = column.flatten()
    if elements.null_count:
        raise ValueError("a list of features holds a NULL; Feast has no value for it")
    _, field, wire = _field(elements.type)
    payload = _scalars(elements)
    if wire == _LENGTH:
        payload = _framed(_LIST_ELEMENT, payload)
    joined = pc.binary_join(pa.ListArray.from_arrays(_offsets(column), payload, mask=column.is_null()), _NO_SEPARATOR)
    if wire != _LENGTH:  # numbers are packed: one field for all of them, none for an empty list
        joined = pc.if_else(pc.equal(pc.binary_length(joined), 0), joined, _framed(_LIST_ELEMENT, joined))
    return _framed(_tag(field, _LENGTH), joined)


def _offsets(column: pa.Array) -> pa.Array:
    """Where each list begins among the flattened elements, and where the last one ends."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())


def _field(kind: pa.DataType) -> tuple[int, int, int]:
    """Fields of Feast's message that hold a value and a list of values of a type, and the wire type of one value."""
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        kind = pa.timestamp("s")
    if kind not in _FIELDS:
        raise ValueError(f"Feast has no value for columns of type {kind}")
    return _FIELDS[kind]


def _tag(field: int, wire: int) -> bytes:
    return bytes(_varints(np.array([field << 3 | wire], np.uint64))[0].as_py())


def _scalars(column: pa.Array) -> pa.Array:
    """The payload of each value, without its tag and length."""
    kind = column.type
    if pa.types.is_string(kind):
        return column.cast(pa.binary())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = pc.cast(column, pa.timestamp("s"), safe=False).cast(pa.int64())
    missing = column.is_null()
    numbers = pc.fill_null(column, False if pa.types.is_boolean(kind) else 0).to_numpy(zero_copy_only=False)
    payload = _fixed(numbers) if pa.types.is_floating(kind) else _varints(numbers.astype(np.int64).view(np.uint64))
    return pc.if_else(missing, pa.scalar(None, pa.binary()), payload)


def _framed(tag: bytes, payload: pa.Array) -> pa.Array:
    """A field with a length: tag, number of bytes, bytes."""
    lengths = pc.fill_null(pc.binary_length(payload), 0).to_numpy(zero_copy_only=False)
    return join(tag, _varints(lengths.astype(np.uint64)), payload)


def _varints(numbers: np.ndarray) -> pa.Array:
    """Whole numbers in groups of seven bits, the lowest first; all groups but the last have the high bit set."""
    place = np.arange(10, dtype=np.uint64)
    widths = 1 + (numbers[:, None] >> (np.uint64(7) * place[1:]) != 0).sum(axis=1)
    groups = (numbers[:, None] >> (np.uint64(7) * place)) & np.uint64(127)
    groups |= np.where(place < (widths[:, None] - 1), np.uint64(128), np.uint64(0))
    data = groups.astype(np.uint8)[place < widths[:, None]]
    return _binary(np.concatenate([[0], np.cumsum(widths)]), data)


def _fixed(numbers: np.ndarray) -> pa.Array:
    """Numbers of a fixed width as their little-endian bytes."""
    little = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<"))
    return _binary(np.arange(len(little) + 1) * little.dtype.itemsize, little)


def _binary(offsets: np.ndarray, data: np.ndarray) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def _u32(number: int) -> bytes:
    return int(number).to_bytes(4, "little")
