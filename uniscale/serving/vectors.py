"""A hash of model input, and which of its values are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from uniscale.contracts.frames import NUMERIC
from uniscale.contracts.inputs import INPUTS, ITEM_INPUTS
from uniscale.features.encoding.columns import Array, column, flat

NUMERIC_COLUMNS = {"user_numeric": NUMERIC.user, "query_numeric": NUMERIC.query, "item_numeric": NUMERIC.item}


def vector_hash(inputs: pa.Table) -> str:
    """Hash of the input columns, the same for the same numbers however Arrow holds them."""
    digest = hashlib.blake2b(digest_size=16)
    for name in INPUTS:
        digest.update(name.encode())
        for part in _parts(column(inputs, name)):
            digest.update(part)
    return digest.hexdigest()


def _parts(values: pa.Array) -> Iterator[bytes]:
    """Lengths of nested lists, then their values, as bytes."""
    while pa.types.is_list(values.type):
        lists = flat(pa.table({"v": values}), "v")
        yield np.diff(lists.starts).tobytes()
        values = lists.values
    if pa.types.is_string(values.type):
        yield "\0".join(values.to_pylist()).encode()
    else:
        yield _plain(values).tobytes()


def _plain(values: pa.Array) -> Array:
    """Numbers with one NaN and one zero."""
    array = np.asarray(values.to_numpy(zero_copy_only=False))
    if array.dtype.kind != "f":
        return array
    return np.asarray(np.where(np.isnan(array), array.dtype.type("nan"), array + 0))


def matches(served: pa.Table, recomputed: pa.Table) -> dict[str, Array]:
    """By feature, whether each value is the same: NaN equals NaN, a list equals a list of the same values in order.

    Args:
        served: Input columns, one row per request.
        recomputed: The same requests in the same order, with the same candidates.

    Returns:
        One flag per request, or per candidate of all requests for what belongs to an item.
    """
    found: dict[str, Array] = {}
    for name in INPUTS:
        one, other = column(served, name), column(recomputed, name)
        if name in ITEM_INPUTS:
            one, other = one.flatten(), other.flatten()
        if name in NUMERIC_COLUMNS:
            features = NUMERIC_COLUMNS[name]
            same = _same(one.flatten(), other.flatten()).reshape(-1, len(features))
            found |= {feature: same[:, place] for place, feature in enumerate(features)}
        elif pa.types.is_list(one.type):
            found[name] = _same_lists(one, other)
        else:
            found[name] = _same(one, other)
    return found


def _same(one: pa.Array, other: pa.Array) -> Array:
    if pa.types.is_string(one.type):
        return np.asarray(one.to_numpy(zero_copy_only=False) == other.to_numpy(zero_copy_only=False), dtype=bool)
    left, right = _plain(one), _plain(other)
    return np.asarray((left == right) | ((left != left) & (right != right)))  # noqa: PLR0124 - NaN is not itself


def _same_lists(one: pa.Array, other: pa.Array) -> Array:
    left, right = (flat(pa.table({"v": values}), "v") for values in (one, other))
    same = np.diff(left.starts) == np.diff(right.starts)
    kept = [pa.array(same[part.rows]) for part in (left, right)]
    values = [part.values.filter(keep) for part, keep in zip((left, right), kept, strict=True)]
    different = ~_same(values[0], values[1])
    same[left.rows[same[left.rows]][different]] = False
    return np.asarray(same)
