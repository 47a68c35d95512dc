"""The training set of a data recipe: which requests, which rows, and whose labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import reduce

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from uniscale.contracts.frames import FRAMES
from uniscale.contracts.tasks import TASKS
from uniscale.data.frames import READ_REQUESTS, keep_items
from uniscale.data.recipe import DataRecipe
from uniscale.features.encoding.columns import list_lengths, lists
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

_FRAMES = f"from lake.{FRAMES.qualified} where ds = $day and split = 'train'"
_COLUMNS = ", ".join(FRAMES.column_names)
_ALL = f"select {_COLUMNS} {_FRAMES} order by sample_id"
_DRAWN = f"""
select
    {_COLUMNS},
    md5_number_lower(sample_id) % 1000000 < $kept as is_request_drawn,
    list_transform(item_ids, lambda i: md5_number_lower(sample_id || '/' || i) % 1000000 < $kept) as is_row_drawn
{_FRAMES}
order by sample_id
"""
_NATIVE = {
    **{task.label: task.native_label for task in TASKS if task.is_attributed},
    "purchase_value": "native_purchase_value",
    "label_weight": "native_label_weight",
}
"""Columns of a frame, and what they are without attribution."""


def read_training(
    lake: Lake, days: Sequence[date], recipe: DataRecipe, *, target_domain: str, snapshot_id: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Training frames of some days under a data recipe, ordered by (ds, sample_id).

    Args:
        lake: The lake.
        days: UTC days of the requests.
        recipe: What is added to the exposed rows.
        target_domain: Domain whose real requests are always kept.
        snapshot_id: Lake snapshot to read; default the newest.

    Yields:
        Record batches with the columns of the frames contract, never empty.
    """
    with lake.read(snapshot_id) as con:
        if not table_has(con, FRAMES):
            return
        for day in sorted(days):
            for batch in _frames(con, day, recipe):
                chosen = batch if recipe.is_whole else _chosen(batch, recipe, target_domain)
                if chosen.num_rows:
                    yield chosen


def count_requests(
    lake: Lake, days: Sequence[date], recipe: DataRecipe, *, target_domain: str, snapshot_id: int | None = None
) -> int:
    """Requests that `read_training` gives, counted without reading them."""
    query = f"select count(*) {_FRAMES} and (domain = $target or md5_number_lower(sample_id) % 1000000 < $kept)"
    synthetic = _kept(recipe) if recipe.searchified else {"kept": 0}
    with lake.read(snapshot_id) as con:
        if not table_has(con, FRAMES):
            return 0
        asked = {"target": target_domain, **synthetic}
        return sum(con.execute(query, {"day": day, **asked}).fetchall()[0][0] for day in days)


def _frames(con: duckdb.DuckDBPyConnection, day: date, recipe: DataRecipe) -> pa.RecordBatchReader:
    if recipe.share == 1:
        return con.execute(_ALL, {"day": day}).to_arrow_reader(READ_REQUESTS)
    return con.execute(_DRAWN, {"day": day, **_kept(recipe)}).to_arrow_reader(READ_REQUESTS)


def _kept(recipe: DataRecipe) -> dict[str, int]:
    return {"kept": round(recipe.share * 1_000_000)}


def _chosen(batch: pa.RecordBatch, recipe: DataRecipe, target_domain: str) -> pa.RecordBatch:
    """The rows of a recipe, each with the labels of the recipe."""
    lengths_R = list_lengths(batch.column("item_ids"))
    is_real_N = np.repeat(_flags(pc.equal(batch.column("domain"), target_domain)), lengths_R)
    is_exposed_N = _flags(batch.column("is_exposed").flatten())
    is_row_drawn_N = is_request_drawn_N = np.ones(len(is_real_N), dtype=np.bool_)
    if recipe.share < 1:
        is_row_drawn_N = _flags(batch.column("is_row_drawn").flatten())
        is_request_drawn_N = np.repeat(_flags(batch.column("is_request_drawn")), lengths_R)
        batch = batch.select(list(FRAMES.column_names))
    is_kept_N = np.where(
        is_real_N,
        is_exposed_N | (is_row_drawn_N & recipe.unexposed),
        is_request_drawn_N & recipe.searchified,
    )
    is_native_N = is_real_N & ~(is_row_drawn_N & recipe.attributed)
    return keep_items(_without_attribution(batch, is_native_N), is_kept_N)


def _without_attribution(batch: pa.RecordBatch, is_native_N: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """The batch with the native labels on some of its rows."""
    mask = pa.array(is_native_N)
    replaced = {
        name: pc.if_else(mask, batch.column(native).flatten(), batch.column(name).flatten())
        for name, native in _NATIVE.items()
    }
    provenance = batch.column("provenance").flatten()
    replaced["provenance"] = pc.if_else(
        pc.and_(mask, pc.equal(provenance, "attributed_exposed")),
        "native",
        pc.if_else(pc.and_(mask, pc.equal(provenance, "attributed_unexposed")), _native_unexposed(batch), provenance),
    )
    request_N = np.repeat(np.arange(batch.num_rows), list_lengths(batch.column("item_ids")))
    columns = [
        lists(replaced[name], request_N, batch.num_rows) if name in replaced else batch.column(name)
        for name in batch.schema.names
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _native_unexposed(batch: pa.RecordBatch) -> pa.Array:
    """Provenance of rows that were not shown, without attribution: native if something happened natively."""
    happened = reduce(pc.or_, [batch.column(task.native_label).flatten() for task in TASKS])
    return pc.if_else(happened, "native", "unexposed")


def _flags(values: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.bool_)
