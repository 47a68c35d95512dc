"""Category and brand of items, from the item features that are served."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from uniscale.config import Settings
from uniscale.contracts.features import ITEM_FEATURES
from uniscale.features.online.slots import generation_folder, read_pointer


def facts_of(settings: Settings, items: Collection[str]) -> dict[str, tuple[str, str]]:
    """Category and brand of items, '' where unknown; items that are not served are left out."""
    pointer = read_pointer(settings)
    if pointer is None:
        return {}
    names, facts = _load(generation_folder(settings, pointer.generation) / f"{ITEM_FEATURES.name}.parquet")
    asked = sorted(items)
    places = names.get_indexer(pd.Index(asked, dtype=object))
    known = [(name, place) for name, place in zip(asked, places.tolist(), strict=True) if place >= 0]
    rows = facts.take(pa.array([place for _, place in known], pa.int64())).to_pylist()
    return {name: (row["category_id"], row["brand_id"]) for (name, _), row in zip(known, rows, strict=True)}


@lru_cache(maxsize=1)
def _load(file: Path) -> tuple[pd.Index, pa.Table]:
    """The items of a generation, whose file never changes."""
    columns = ["item_id", "category_id", "brand_id"]
    table = pq.read_table(file, columns=columns)
    facts = pa.table({name: pc.fill_null(table.column(name), "").dictionary_encode() for name in columns[1:]})
    return pd.Index(table.column("item_id").to_pandas()), facts
