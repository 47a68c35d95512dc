"""Reading training frames from the lake: in a fixed order, a few thousand requests at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from uniscale.contracts.frames import FRAMES
from uniscale.contracts.inputs import ITEM_INPUTS
from uniscale.contracts.samples import ROW_FACTS
from uniscale.features.encoding.columns import list_lengths, starts_of
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

READ_REQUESTS = 2048
"""Requests per Arrow batch: small enough to bound memory, large enough to keep DuckDB and NumPy busy."""

ITEM_LISTS = (
    "item_ids",
    *ITEM_INPUTS,
    *ROW_FACTS,
)
"""Columns whose lists run over the items of the request."""


def read_frames(
    lake: Lake,
    days: Sequence[date],
    split: str,
    *,
    provenances: Collection[str] | None = None,
    domains: Collection[str] | None = None,
    snapshot_id: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """Frames of some days as Arrow batches, ordered by (ds, sample_id).

    Args:
        lake: The lake.
        days: UTC days of the requests; a day without frames gives nothing.
        split: ``train`` or ``eval``.
        provenances: Keep only items of these provenances; a request left without items is dropped. Default all.
        domains: Keep only requests of these domains. Default all.
        snapshot_id: Lake snapshot to read; default the newest.

    Yields:
        Record batches with the columns of the frames contract, never empty.
    """
    names = ", ".join(FRAMES.column_names)
    wanted = "" if domains is None else "and list_contains(?, domain)"
    query = f"select {names} from lake.{FRAMES.qualified} where ds = ? and split = ? {wanted} order by sample_id"
    with lake.read(snapshot_id) as con:
        if not table_has(con, FRAMES):
            return
        for day in sorted(days):
            params: list[Any] = [day, split, *([] if domains is None else [sorted(domains)])]
            for batch in con.execute(query, params).to_arrow_reader(READ_REQUESTS):
                kept = batch if provenances is None else _of_provenances(batch, provenances)
                if kept.num_rows:
                    yield kept


def _of_provenances(batch: pa.RecordBatch, provenances: Collection[str]) -> pa.RecordBatch:
    allowed = pa.array(sorted(provenances), pa.string())
    flags = pc.is_in(batch.column("provenance").flatten(), value_set=allowed)
    return keep_items(batch, flags.to_numpy(zero_copy_only=False))


def keep_items(batch: pa.RecordBatch, keep_N: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """The batch with only some of its items; requests left without items are dropped.

    Args:
        batch: Frames; columns of `ITEM_LISTS` are cut, all others stay as they are.
        keep_N: One flag per item, over the items of all requests in order.
    """
    before = list_lengths(batch.column("item_ids"))
    request_of_item = np.repeat(np.arange(batch.num_rows), before)
    after = np.bincount(request_of_item[keep_N], minlength=batch.num_rows)
    offsets = pa.array(starts_of(after).astype(np.int32))
    flags = pa.array(keep_N)
    columns = [
        pa.ListArray.from_arrays(offsets, batch.column(name).flatten().filter(flags))
        if name in ITEM_LISTS
        else batch.column(name)
        for name in batch.schema.names
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names).filter(pa.array(after > 0))
