"""All items of a generation in memory, column by column and ready for the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from uniscale.features.encoding.columns import Array, column
from uniscale.features.encoding.hashing import hash_strings
from uniscale.features.encoding.items import prepare_items
from uniscale.lake.macros import install_macros


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Candidates of a request.

    Attributes:
        items: Prepared items (`uniscale.features.encoding.items`), one row per candidate in the order asked.
        categories: Category of each candidate as text, NULL if unknown.
        known: Whether a version answered, per candidate.
    """

    items: pa.Table
    categories: pa.Array
    known: Array


class ItemSnapshot:
    """Items of a generation.

    Args:
        file: ``item_features`` of the generation.
    """

    def __init__(self, file: Path) -> None:
        rows = _read(file)
        self._prepared = prepare_items(rows)
        self._categories = column(rows, "category_id")
        self._held_from = np.asarray(column(rows, "feature_at").cast(pa.int64()).fill_null(0))
        self._place = {name: place for place, name in enumerate(column(rows, "item_id").to_pylist())}
        self._nobody = self._place.pop(None)

    @property
    def num_items(self) -> int:
        """Items with features."""
        return len(self._place)

    def take(self, item_ids: Sequence[str], oldest: datetime) -> Taken:
        """The candidates' rows; one without a version from ``oldest`` (naive UTC) on has an identifier only."""
        places = np.array([self._place.get(name, self._nobody) for name in item_ids])
        since = int((oldest - datetime(1970, 1, 1)).total_seconds() * 1_000_000)
        known = (places != self._nobody) & (self._held_from[places] >= since)
        rows = pa.array(np.where(known, places, self._nobody))
        items = self._prepared.take(rows)
        if not known.all():
            index = items.schema.get_field_index("item_index")
            hashes = pa.array(hash_strings("item", pa.array(item_ids, pa.string())))
            items = items.set_column(index, "item_index", hashes)
        return Taken(items=items, categories=self._categories.take(rows), known=known)


def _read(file: Path) -> pa.Table:
    """The items with the words of their titles, and at the end one row of NULLs for an item that is not there."""
    with duckdb.connect(config={"threads": 1}) as con:
        install_macros(con)
        rows = con.sql(
            """
            with titles as (
                select title, words(title) as title_words
                from (select distinct title from read_parquet($file) where title is not null)
            )
            select items.*, titles.title_words
            from read_parquet($file) as items left join titles on items.title = titles.title
            """,
            params={"file": str(file)},
        ).to_arrow_table()
    nobody = pa.Table.from_pylist([dict.fromkeys(rows.schema.names)], schema=rows.schema)
    return pa.concat_tables([rows, nobody]).combine_chunks()
