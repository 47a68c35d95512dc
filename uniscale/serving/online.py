"""Reading Feast's online store for one request: rows of views as Arrow, too old ones as missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from uniscale.contracts.features import FeatureTable
from uniscale.features.columns import Array

if TYPE_CHECKING:
    from feast import FeatureStore

ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "VARCHAR[]": pa.list_(pa.string()),
    "BIGINT[]": pa.list_(pa.int64()),
    "DOUBLE[]": pa.list_(pa.float64()),
}


def read_tables(
    store: FeatureStore,
    tables: Sequence[FeatureTable],
    keys: Mapping[str, Sequence[str | None]],
    oldest: datetime,
) -> tuple[dict[str, pa.Array], dict[str, Array]]:
    """Features of some entities, through Feast's own online read.

    Args:
        store: Feast, on the project to read.
        tables: Feature tables whose keys are all among ``keys``.
        keys: Join keys by name, one value per row; None asks for nobody.
        oldest: Values from before this moment (naive UTC) are missing.

    Returns:
        Columns by feature, NULL where no value answered; and by table whether one answered, per row.
    """
    number = len(next(iter(keys.values())))
    rows = [{name: values[place] or "" for name, values in keys.items()} for place in range(number)]
    names = [f"{table.name}:{feature.name}" for table in tables for feature in table.features]
    found = store.get_online_features(features=names, entity_rows=rows).to_dict(include_event_timestamps=True)
    since = (oldest - datetime(1970, 1, 1)).total_seconds()
    columns, known = {}, {}
    for table in tables:
        stamps = np.asarray(found[f"{table.features[0].name}__ts"], dtype=np.float64)
        known[table.name] = (stamps > 0) & (stamps >= since)
        for feature in table.features:
            values = [
                value if is_known else None
                for value, is_known in zip(found[feature.name], known[table.name], strict=True)
            ]
            columns[feature.name] = pa.array(values, ARROW_TYPES[feature.type])
    return columns, known


def nothing(tables: Sequence[FeatureTable], number: int) -> dict[str, pa.Array]:
    """The columns of `read_tables` when no value answers."""
    return {f.name: pa.nulls(number, ARROW_TYPES[f.type]) for table in tables for f in table.features}
