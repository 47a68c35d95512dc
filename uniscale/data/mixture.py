"""The training set of a data recipe: which requests, which rows, and whose labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from uniscale.contracts.frames import FRAMES
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.data.frames import READ_REQUESTS, keep_items
from uniscale.data.recipe import DataRecipe
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

_ALL = f"""
select {", ".join(FRAMES.column_names)}
from lake.{FRAMES.qualified}
where ds = $day and split = 'train'
order by sample_id
"""

# A row is ES3's when it was not shown, when its label came from an outside action, or when its request is synthetic.
# Left out of the share, a shown row of a real request goes back to its native labels and weight, and every other row
# of ES3 is dropped. The cart label of a real request is native as it is.
_MIXED = f"""
with frames as (
    select *
    from lake.{FRAMES.qualified}
    where ds = $day and split = 'train'
),

native as (
    select
        request_id,
        list(item_id) as clicked,
        coalesce(list(item_id) filter (where is_purchased), []) as purchased,
        list({{'item': item_id, 'value': purchase_value}}) as bought
    from lake.{FCT_EXPOSURES.qualified}
    where ds = $day and domain = $target and is_exposed and (is_clicked or is_purchased)
    group by request_id
),

shared as (
    select
        frames.*,
        frames.domain = $target as is_real,
        coalesce(native.clicked, []) as clicked,
        coalesce(native.purchased, []) as purchased,
        coalesce(native.bought, []) as bought,
        md5_number_lower(frames.sample_id) % 1000000 < $kept as is_request_kept,
        list_transform(
            frames.item_ids, lambda i: md5_number_lower(frames.sample_id || '/' || i) % 1000000 < $kept
        ) as is_row_kept
    from frames
    left join native on frames.sample_id = native.request_id
),

flagged as (
    select
        *,
        list_transform(
            is_row_kept, lambda k, n: is_real and not k and provenance[n] = 'attributed_exposed'
        ) as is_reverted,
        list_transform(
            is_row_kept, lambda k, n: if(is_real, is_exposed[n] or k, is_request_kept)
        ) as is_kept
    from shared
)

select
    * exclude (is_real, clicked, purchased, bought, is_request_kept, is_row_kept, is_reverted)
    replace (
        list_transform(
            is_clicked, lambda c, n: if(is_reverted[n], list_contains(clicked, item_ids[n]), c)
        ) as is_clicked,
        list_transform(
            is_purchased, lambda p, n: if(is_reverted[n], list_contains(purchased, item_ids[n]), p)
        ) as is_purchased,
        list_transform(
            purchase_value,
            lambda v, n: if(
                is_reverted[n],
                coalesce(list_sum(list_transform(
                    list_filter(bought, lambda b: b.item = item_ids[n]), lambda b: b.value
                )), 0),
                v
            )
        ) as purchase_value,
        list_transform(
            label_weight, lambda w, n: if(is_reverted[n], cast($native_weight as float), w)
        ) as label_weight,
        list_transform(provenance, lambda p, n: if(is_reverted[n], 'native', p)) as provenance
    )
from flagged
where is_real or is_request_kept
order by sample_id
"""


def read_training(
    lake: Lake,
    days: Sequence[date],
    recipe: DataRecipe,
    *,
    target_domain: str,
    native_weight: float,
    snapshot_id: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """Training frames of some days under a data recipe, ordered by (ds, sample_id).

    Frames carry one label per row. Where ES3 labelled a shown row by an outside action and the recipe leaves that row
    out, the native label comes from ``marts.fct_exposures`` of the same day at the same ``label_as_of``.

    Args:
        lake: The lake.
        days: UTC days of the requests.
        recipe: Share of ES3's additions.
        target_domain: Domain whose real requests are always kept.
        native_weight: Row weight of native labels, from the ES3 policy.
        snapshot_id: Lake snapshot to read; default the newest.

    Yields:
        Record batches with the columns of the frames contract, never empty.

    Raises:
        ValueError: Native labels of a day are missing, or were taken at another time than its frames.
    """
    with lake.read(snapshot_id) as con:
        if not table_has(con, FRAMES):
            return
        for day in sorted(days):
            if recipe.es3_share == 1:
                reader = con.execute(_ALL, {"day": day}).to_arrow_reader(READ_REQUESTS)
                yield from (batch for batch in reader if batch.num_rows)
            elif _labels_agree(con, day, target_domain):
                yield from _mixed(con, day, recipe, target_domain, native_weight)


def _mixed(
    con: duckdb.DuckDBPyConnection, day: date, recipe: DataRecipe, target_domain: str, native_weight: float
) -> Iterator[pa.RecordBatch]:
    params = {
        "day": day,
        "target": target_domain,
        "kept": round(recipe.es3_share * 1_000_000),
        "native_weight": native_weight,
    }
    for batch in con.execute(_MIXED, params).to_arrow_reader(READ_REQUESTS):
        keep = batch.column("is_kept").flatten().to_numpy(zero_copy_only=False)
        kept = keep_items(batch, np.asarray(keep, dtype=np.bool_)).select(list(FRAMES.column_names))
        if kept.num_rows:
            yield kept


def _labels_agree(con: duckdb.DuckDBPyConnection, day: date, target_domain: str) -> bool:
    """Whether the day has real frames, whose native labels in the marts are as old as theirs."""
    query = "select distinct label_as_of from lake.{table} where ds = ? and domain = ? {more}"
    frames = con.execute(
        query.format(table=FRAMES.qualified, more="and split = 'train'"), [day, target_domain]
    ).fetchall()
    if not frames:
        return _has_frames(con, day)
    exposures: list[tuple[object, ...]] = []
    if table_has(con, FCT_EXPOSURES):
        exposures = con.execute(query.format(table=FCT_EXPOSURES.qualified, more=""), [day, target_domain]).fetchall()
    if exposures != frames:
        raise ValueError(
            f"native labels of {day} are as of {_times(exposures)} in {FCT_EXPOSURES.qualified}, "
            f"its frames as of {_times(frames)}; run the steps marts, samples and frames again"
        )
    return True


def _has_frames(con: duckdb.DuckDBPyConnection, day: date) -> bool:
    found = con.execute(f"select 1 from lake.{FRAMES.qualified} where ds = ? and split = 'train' limit 1", [day])
    return found.fetchone() is not None


def _times(rows: list[tuple[object, ...]]) -> str:
    return ", ".join(str(row[0]) for row in rows) or "no time (there are none)"
