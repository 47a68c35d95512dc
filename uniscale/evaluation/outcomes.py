"""What happened on the test days, together with what a ranker predicted: the rows every metric is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from uniscale.contracts.frames import FIRST, FRAMES
from uniscale.features.encoding.columns import list_lengths
from uniscale.lake.lake import table_has

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """Exposed rows of the test requests with their native labels; N rows, R requests with an exposed row.

    Attributes:
        request_N: Request of each row, in [0, R).
        is_first_N: Shown at the first place.
        is_clicked_N: Native click.
        is_carted_N: Put into the cart or kept as a favourite.
        is_purchased_N: Native purchase.
        purchase_value_N: Value of the purchase in the shop's currency, 0 without one.
        num_requests: R.
    """

    request_N: Array
    is_first_N: Array
    is_clicked_N: Array
    is_carted_N: Array
    is_purchased_N: Array
    purchase_value_N: Array
    num_requests: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """What a ranker predicted for the rows of `Outcomes`.

    Attributes:
        click_N: Click probability.
        cart_N: Cart probability.
        purchase_N: Purchase probability.
    """

    click_N: Array
    cart_N: Array
    purchase_N: Array


def read_judged(
    con: duckdb.DuckDBPyConnection, predictions: str, days: Sequence[date], target_domain: str
) -> tuple[Outcomes, Scores]:
    """Join predictions to the outcomes of the test requests; the rows come in the same order for every ranker.

    Args:
        con: An open lake connection.
        predictions: SQL relation with the columns of `uniscale.evaluation.scoring.SCHEMA`.
        days: UTC days of the test requests.
        target_domain: Domain that is judged.

    Raises:
        ValueError: A test request has no prediction, or the prediction is for other candidates.
    """
    if not table_has(con, FRAMES) or not days:
        return _exposed(_EMPTY)
    query = f"""
        select
            frames.is_exposed,
            list_transform(frames.position, lambda place: place is not distinct from {FIRST}) as is_first,
            frames.is_clicked, frames.is_carted, frames.is_purchased, frames.purchase_value,
            predicted.click_probability, predicted.cart_probability, predicted.purchase_probability,
            predicted.item_ids is not distinct from frames.item_ids as is_complete
        from lake.{FRAMES.qualified} as frames
        left join ({predictions}) as predicted on predicted.request_id = frames.sample_id
        where frames.split = 'eval' and frames.domain = ? and list_contains(?, frames.ds)
            and frames.ds between ? and ?
        order by frames.ds, frames.sample_id
    """
    joined = con.execute(query, [target_domain, list(days), min(days), max(days)]).to_arrow_table()
    missing = joined.num_rows - int(np.sum(joined.column("is_complete").to_numpy()))
    if missing:
        raise ValueError(
            f"{missing} of {joined.num_rows} test requests from {min(days)} to {max(days)} have no prediction for all "
            "candidates: the frames were built again after the evaluation; run the step evaluate again with --force"
        )
    return _exposed(joined)


def _exposed(joined: pa.Table) -> tuple[Outcomes, Scores]:
    lists = {name: joined.column(name).combine_chunks() for name in _LISTS}
    shown = _values(lists["is_exposed"], bool)
    requests = np.repeat(np.arange(joined.num_rows), list_lengths(lists["is_exposed"]))[shown]
    kept, request_N = np.unique(requests, return_inverse=True)
    outcomes = Outcomes(
        request_N=request_N,
        is_first_N=_values(lists["is_first"], bool)[shown],
        is_clicked_N=_values(lists["is_clicked"], bool)[shown],
        is_carted_N=_values(lists["is_carted"], bool)[shown],
        is_purchased_N=_values(lists["is_purchased"], bool)[shown],
        purchase_value_N=_values(lists["purchase_value"], float)[shown],
        num_requests=len(kept),
    )
    scores = Scores(
        click_N=_values(lists["click_probability"], float)[shown],
        cart_N=_values(lists["cart_probability"], float)[shown],
        purchase_N=_values(lists["purchase_probability"], float)[shown],
    )
    return outcomes, scores


def _values(lists: pa.Array, dtype: type) -> Array:
    return np.asarray(lists.flatten().to_numpy(zero_copy_only=False), dtype=dtype)


_LISTS = {
    "is_exposed": pa.bool_(),
    "is_first": pa.bool_(),
    "is_clicked": pa.bool_(),
    "is_carted": pa.bool_(),
    "is_purchased": pa.bool_(),
    "purchase_value": pa.float64(),
    "click_probability": pa.float32(),
    "cart_probability": pa.float32(),
    "purchase_probability": pa.float32(),
}
_EMPTY = pa.schema([(name, pa.list_(kind)) for name, kind in _LISTS.items()]).empty_table()
