"""Reading one view of Feast's online store for a request: rows as Arrow, values that are too old as missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from uniscale.contracts.features import FeatureTable
from uniscale.features.encoding.columns import Array

if TYPE_CHECKING:
    from feast import FeatureStore

_Read = Callable[[Any], Any]
_TYPES: Mapping[str, tuple[pa.DataType, _Read]] = {
    "VARCHAR": (pa.string(), lambda value: value.string_val),
    "BIGINT": (pa.int64(), lambda value: value.int64_val),
    "DOUBLE": (pa.float64(), lambda value: value.double_val),
    "VARCHAR[]": (pa.list_(pa.string()), lambda value: list(value.string_list_val.val)),
    "BIGINT[]": (pa.list_(pa.int64()), lambda value: list(value.int64_list_val.val)),
    "DOUBLE[]": (pa.list_(pa.float64()), lambda value: list(value.double_list_val.val)),
}
"""Arrow type of a column, and how Feast's value of it is read."""


class ViewReader:
    """Reads the view of a feature table through Feast's online store.

    `feast.FeatureStore.get_online_features` builds its views from the registry at each call, which takes longer than
    the whole of a look-up may; a test holds both equal.

    Args:
        store: Feast, on the project to read.
        table: The feature table.
    """

    def __init__(self, store: FeatureStore, table: FeatureTable) -> None:
        self._store = store._get_provider().online_store
        self._config = store.config
        self._view = store.get_feature_view(table.name)
        self._table = table
        self._features = [feature.name for feature in table.features]

    def read(self, keys: Mapping[str, Sequence[str]], oldest: datetime) -> tuple[dict[str, pa.Array], Array]:
        """Features of some entities.

        Args:
            keys: Join keys by name, one value per row.
            oldest: Values from before this moment (naive UTC) are missing.

        Returns:
            Columns by feature, NULL where no value answered, and whether one answered, per row.
        """
        asked = list(self._features)  # Feast's Redis store adds to the list it is given
        found = self._store.online_read(self._config, self._view, _entity_keys(self._table, keys), asked)
        since = oldest.replace(tzinfo=UTC)
        rows = [values if stamp is not None and values and stamp >= since else None for stamp, values in found]
        columns = {
            feature.name: _column(feature.type, [None if row is None else row.get(feature.name) for row in rows])
            for feature in self._table.features
        }
        return columns, np.array([row is not None for row in rows], dtype=bool)


def missing(table: FeatureTable, number: int) -> dict[str, pa.Array]:
    """The columns of a view when no value answers."""
    return {feature.name: pa.nulls(number, _TYPES[feature.type][0]) for feature in table.features}


def _entity_keys(table: FeatureTable, keys: Mapping[str, Sequence[str]]) -> list[Any]:
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    names = sorted(table.join_keys)
    rows = zip(*(keys[name] for name in names), strict=True)
    return [EntityKey(join_keys=names, entity_values=[Value(string_val=value) for value in row]) for row in rows]


def _column(kind: str, values: Sequence[Any]) -> pa.Array:
    arrow, read = _TYPES[kind]
    return pa.array(
        [None if value is None or value.WhichOneof("val") in (None, "null_val") else read(value) for value in values],
        arrow,
    )
