"""The lists that the guard measures, with every input of a model that tells their items apart.

Letters: N rows, F inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from uniscale.contracts.frames import FRAMES, ITEM_NUMERIC
from uniscale.contracts.literals import in_days, quoted
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.features.encoding.columns import Array, flat, flat_integers, flat_numbers
from uniscale.features.model_inputs import model_inputs
from uniscale.features.model_inputs_sql import ordered

if TYPE_CHECKING:
    from feast import FeatureStore

MAX_LISTS = 5_000
"""Lists of each kind, the same ones every time."""

INPUTS = ("is_exposed", *ITEM_NUMERIC)
"""What is measured: whether the row was shown, and the numbers of the item in its request."""

NATIVE, CHANNELS = "native", "channels"
REAL = (NATIVE, CHANNELS)
"""Kinds of real lists: of searches, and of other channels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    """Rows of lists that have clicked and unclicked ones; others order nothing.

    Attributes:
        list_N: List of each row, from 0 and ascending.
        is_clicked_N: Its label.
        values_NF: Its values in the order of `INPUTS`, NaN where one is missing.
    """

    list_N: npt.NDArray[np.int64]
    is_clicked_N: npt.NDArray[np.bool_]
    values_NF: npt.NDArray[np.float64]

    @property
    def num_lists(self) -> int:
        """Number of lists."""
        return int(self.list_N[-1]) + 1 if len(self.list_N) else 0


def measured_lists(
    con: duckdb.DuckDBPyConnection,
    store: FeatureStore,
    days: Sequence[date],
    *,
    target_domain: str,
    frames: str = f"lake.{FRAMES.qualified}",
) -> dict[str, Lists]:
    """Clicked lists of the training days by kind: `NATIVE` (shown rows), `CHANNELS`, ``tier 1``, ``tier 2``, ...

    Of searches and of synthetic requests they are the training frames. What other channels showed becomes no frame: its
    features are joined here, and of each list the categories count that a click went to, since a list of a channel
    mixes categories and a synthetic request hardly does. Left out are days without a synthetic request and the first
    day of the log, on which no count tells any item apart: it has more searches than requests made of other channels.

    Args:
        con: A lake connection.
        store: Feast.
        days: Training days.
        target_domain: The domain whose requests are searches.
        frames: Table of the frames.

    Returns:
        Nothing without a synthetic request, else the kinds that have lists, and always those of `REAL`.
    """
    made = con.execute(
        f"""
        select distinct ds
        from {frames}
        where
            split = 'train' and {in_days(days)} and query_tier > 0
            and ds > (select min(ds) from lake.{FCT_EXPOSURES.qualified})
        order by ds
        """
    ).fetchall()
    if not made:
        return {}
    where = in_days([day for (day,) in made])
    rows = con.execute(
        f"""
        with records as (
            select sample_id from {frames}
            where split = 'train' and {where} and query_index > 0
            qualify row_number() over (partition by query_tier order by md5_number_lower(sample_id), sample_id)
                <= {MAX_LISTS}
        )
        select sample_id, query_tier, is_exposed, is_clicked, category_index, item_numeric
        from {frames} semi join records using (sample_id)
        where split = 'train' and {where}
        order by sample_id
        """
    ).to_arrow_table()
    tier = np.asarray(rows.column("query_tier"))
    kinds = {
        f"tier {number}" if number else NATIVE: rows.filter(pa.array(tier == number)) for number in np.unique(tier)
    }
    found = {kind: _rows(lists, shown_only=kind == NATIVE) for kind, lists in kinds.items()}
    found[CHANNELS] = _rows(_of_channels(con, store, where, target_domain), clicked_categories=True)
    found.setdefault(NATIVE, _EMPTY)
    return {kind: found[kind] for kind in (*REAL, *sorted(found.keys() - {*REAL}))}


def _of_channels(con: duckdb.DuckDBPyConnection, store: FeatureStore, where: str, target_domain: str) -> pa.Table:
    """Clicked lists of other domains, as shown, with their inputs."""
    con.execute(
        f"""
        create or replace temp table channel_lists as
        with clicked as (
            select distinct request_id from lake.{FCT_EXPOSURES.qualified}
            where {where} and domain != {quoted(target_domain)} and is_clicked
            order by md5_number_lower(request_id), request_id
            limit {MAX_LISTS}
        )
        select
            request_id as sample_id,
            any_value(user_id) as user_id,
            any_value(domain) as domain,
            any_value(requested_at) as requested_at,
            null::varchar as query_text,
            list(item_id order by item_id) as item_ids,
            list(is_exposed order by item_id) as is_exposed,
            list(is_clicked order by item_id) as is_clicked
        from lake.{FCT_EXPOSURES.qualified} semi join clicked using (request_id)
        where {where} and is_exposed
        group by request_id
        """
    )
    inputs = model_inputs(con, store, "channel_lists", history_length=None)
    lists = con.sql(ordered("channel_lists")).to_arrow_table()
    for name in ("category_index", "item_numeric"):
        lists = lists.append_column(name, inputs.column(name))
    return lists


def _rows(lists: pa.Table, *, shown_only: bool = False, clicked_categories: bool = False) -> Lists:
    """The rows of lists that count; lists that then have one kind of label are left out."""
    if not lists.num_rows:
        return _EMPTY
    is_clicked = flat(lists, "is_clicked")
    place, clicked = is_clicked.rows, _flags(is_clicked.values)
    exposed = _flags(flat(lists, "is_exposed").values)
    counts = exposed.copy() if shown_only else np.ones(len(place), np.bool_)
    if clicked_categories:
        keys = (place << 32) | flat_integers(lists, "category_index")
        counts &= np.isin(keys, keys[clicked])
    num_rows = np.bincount(place[counts], minlength=lists.num_rows)
    num_clicked = np.bincount(place[counts], weights=clicked[counts], minlength=lists.num_rows)
    counts &= ((num_clicked > 0) & (num_clicked < num_rows))[place]
    numeric = flat_numbers(pa.table({"of_item": flat(lists, "item_numeric").values}), "of_item")
    values = np.column_stack([exposed, numeric.reshape(-1, len(ITEM_NUMERIC))])
    return Lists(
        list_N=np.unique(place[counts], return_inverse=True)[1],
        is_clicked_N=clicked[counts],
        values_NF=values[counts],
    )


def _flags(values: pa.Array) -> Array:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.bool_)


_EMPTY = Lists(list_N=np.zeros(0, np.int64), is_clicked_N=np.zeros(0, np.bool_), values_NF=np.zeros((0, len(INPUTS))))
