"""From Arrow lists to fixed-width arrays and model input, without a loop over rows.

Letters: R requests, N items of all requests together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from uniscale.batch.arrays import Array, Encoded, to_batch
from uniscale.batch.tensors import Batch, Labels
from uniscale.contracts.frames import ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC
from uniscale.contracts.inputs import HISTORY_IDS, HISTORY_LENGTH, ITEM_IDS, REQUEST_IDS, Identifier
from uniscale.contracts.tasks import TASKS
from uniscale.data.histories import Histories, domain_numbers
from uniscale.features.encoding.columns import list_lengths, starts_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Meta:
    """What identifies and judges the rows of a batch, apart from what the model sees.

    Attributes:
        sample_ids: R identifiers.
        offsets: First item of each request, and N at the end, [R + 1].
        item_ids: N items.
        is_exposed_N: Shown in the real request.
        provenance: N provenances.
        purchase_value_N: Value of the purchase, 0 without one.
    """

    sample_ids: pa.Array
    offsets: Array
    item_ids: pa.Array
    is_exposed_N: Array
    provenance: pa.Array
    purchase_value_N: Array


def collate(
    records: pa.RecordBatch | pa.Table, domains: tuple[str, ...], histories: Histories | None = None
) -> tuple[Batch, Labels, Meta]:
    """Frames as model input, labels, and what identifies them.

    Args:
        records: Frames, at least one request.
        domains: The model's domain list; the index of a domain is its place here.
        histories: The actions of these frames; None where the records carry their own, as served requests do.

    Raises:
        ValueError: A request's domain is not in ``domains``, or there are no histories.
        KeyError: The histories are those of other frames.
    """
    batch = _one_batch(records)
    encoded = encode(batch, domains, histories)
    if histories is not None:
        encoded = histories.unfold(encoded)
    meta = Meta(
        sample_ids=batch.column("sample_id"),
        offsets=encoded.offsets,
        item_ids=batch.column("item_ids").flatten(),
        is_exposed_N=_numbers(batch.column("is_exposed").flatten(), np.bool_),
        provenance=batch.column("provenance").flatten(),
        purchase_value_N=_numbers(batch.column("purchase_value").flatten(), np.float64),
    )
    return (*to_batch(encoded), meta)


def encode(records: pa.RecordBatch | pa.Table, domains: tuple[str, ...], histories: Histories | None = None) -> Encoded:
    """Frames as fixed-width arrays: lists are cut or padded to the widths in `uniscale.contracts.inputs`.

    Lists keep their first values. A history that the records carry is turned round, newest action first; of others
    there is where they lie (`uniscale.data.histories.PREFIX`). Padding is 0, or NaN in numeric columns.

    Raises:
        ValueError: A request's domain is not in ``domains``, or there are no histories.
    """
    batch = _one_batch(records)
    requests = {name: make(batch) for name, make in _REQUEST_FIELDS.items()}
    requests["domain_R"] = _domains_of_requests(batch.column("domain"), domains)
    requests |= _carried_histories(batch, domains) if histories is None else histories.prefixes(batch)
    return Encoded(
        requests=requests,
        items={name: make(batch) for name, make in _ITEM_FIELDS.items()},
        offsets=starts_of(list_lengths(batch.column("item_ids"))),
    )


def pad(column: pa.Array, width: int, fill: float, dtype: Any, *, newest: bool = False) -> Array:
    """Lists as the rows of a matrix [rows, width].

    Args:
        column: List array.
        width: Columns of the matrix.
        fill: Value where a list is too short.
        dtype: NumPy type of the matrix.
        newest: Start from the end of the list: its last value first.
    """
    values = _numbers(column.flatten(), dtype)
    full = list_lengths(column)
    lengths = np.minimum(full, width)
    starts = np.cumsum(full) - full
    steps = np.arange(width)
    filled = steps < lengths[:, None]
    places = (starts + full - 1)[:, None] - steps if newest else starts[:, None] + steps
    matrix = np.full((len(full), width), fill, dtype=dtype)
    matrix[filled] = values[places[filled]]
    return matrix


def _one_batch(records: pa.RecordBatch | pa.Table) -> pa.RecordBatch:
    if isinstance(records, pa.RecordBatch):
        return records
    batches: list[pa.RecordBatch] = records.combine_chunks().to_batches()
    if len(batches) != 1:
        raise ValueError(f"collate needs at least one request, got {records.num_rows}; skip empty days")
    return batches[0]


def _numbers(values: pa.Array, dtype: Any) -> Array:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=dtype)


def _domains_of_requests(names: pa.Array, domains: tuple[str, ...]) -> Array:
    index = pc.index_in(names, value_set=pa.array(domains))
    if index.null_count:
        unknown = sorted(set(pc.unique(names).to_pylist()) - set(domains))
        raise ValueError(
            f"frames hold requests of the domains {unknown}, the model knows {list(domains)}; declare them"
        )
    return _numbers(index, np.int8)


def _carried_histories(batch: pa.RecordBatch, domains: tuple[str, ...]) -> dict[str, Array]:
    """Histories that the records carry, as wide as packaged rankers read, or as the longest of them."""
    if "history_items" not in batch.schema.names:
        raise ValueError(
            "frames hold no histories; read those of their days (uniscale.data.histories.read_histories) and pass them"
        )
    width = int(list_lengths(batch.column("history_items")).max(initial=HISTORY_LENGTH))

    def newest_first(column: pa.Array, dtype: Any = np.int32) -> Array:
        return pad(column, width, 0, dtype, newest=True)

    return {
        **{one.tensor: newest_first(batch.column(one.name)) for one in HISTORY_IDS},
        "history_actions_RL": newest_first(batch.column("history_actions"), np.int8),
        "history_domains_RL": newest_first(_history_domains(batch.column("history_domains"), domains), np.int8),
        "history_hours_RL": newest_first(batch.column("history_hours"), np.float32),
    }


def _history_domains(column: pa.Array, domains: tuple[str, ...]) -> pa.ListArray:
    offsets = pa.array(starts_of(list_lengths(column)).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, domain_numbers(column.flatten(), pa.array(domains)))


_Make = Callable[[pa.RecordBatch], Array]


def _of_request(one: Identifier) -> _Make:
    width = one.width
    if width is None:
        return lambda batch: _numbers(batch.column(one.name), np.int32)
    return _padded(one.name, width)


def _of_item(one: Identifier) -> _Make:
    width = one.width
    if width is None:
        return _item_value(one.name)
    return lambda batch: pad(batch.column(one.name).flatten(), width, 0, np.int32)


def _padded(name: str, width: int, fill: float = 0, dtype: Any = np.int32) -> _Make:
    return lambda batch: pad(batch.column(name), width, fill, dtype)


def _item_value(name: str, dtype: Any = np.int32) -> _Make:
    return lambda batch: _numbers(batch.column(name).flatten(), dtype)


def _item_numeric(batch: pa.RecordBatch) -> Array:
    return pad(batch.column("item_numeric").flatten(), len(ITEM_NUMERIC), np.nan, np.float32)


def _targets(batch: pa.RecordBatch) -> Array:
    tasks = [_numbers(batch.column(task.label).flatten(), np.float32) for task in TASKS]
    return np.stack(tasks, axis=1)


def _places(batch: pa.RecordBatch) -> Array:
    return _numbers(pc.fill_null(batch.column("position").flatten(), 0), np.int32)


_REQUEST_FIELDS: dict[str, _Make] = {
    **{one.tensor: _of_request(one) for one in REQUEST_IDS},
    "user_numeric_RF": _padded("user_numeric", len(USER_NUMERIC), np.nan, np.float32),
    "query_numeric_RF": _padded("query_numeric", len(QUERY_NUMERIC), np.nan, np.float32),
}
_ITEM_FIELDS: dict[str, _Make] = {
    **{one.tensor: _of_item(one) for one in ITEM_IDS},
    "item_numeric_NF": _item_numeric,
    "targets_NK": _targets,
    "weight_N": _item_value("label_weight", np.float32),
    "place_N": _places,
}
