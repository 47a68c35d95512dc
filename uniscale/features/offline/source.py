"""A Feast data source that is a table of our lake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from feast import ValueType
from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import RepoConfig

_VALUE_TYPES = {
    "VARCHAR": ValueType.STRING,
    "BIGINT": ValueType.INT64,
    "INTEGER": ValueType.INT32,
    "DOUBLE": ValueType.DOUBLE,
    "FLOAT": ValueType.FLOAT,
    "BOOLEAN": ValueType.BOOL,
    "DATE": ValueType.UNIX_TIMESTAMP,
    "TIMESTAMP": ValueType.UNIX_TIMESTAMP,
    "VARCHAR[]": ValueType.STRING_LIST,
    "BIGINT[]": ValueType.INT64_LIST,
    "DOUBLE[]": ValueType.DOUBLE_LIST,
    "FLOAT[]": ValueType.FLOAT_LIST,
}


def value_type(sql_type: str) -> ValueType:
    """Feast's type of a DuckDB column type.

    Raises:
        ValueError: The type has no counterpart in a feature view.
    """
    if sql_type not in _VALUE_TYPES:
        raise ValueError(f"column type {sql_type} cannot be a feature; use one of {', '.join(_VALUE_TYPES)}")
    return _VALUE_TYPES[sql_type]


class LakeSource(DataSource):  # type: ignore[misc]
    """Feature versions in a lake table.

    Args:
        name: Name of the source.
        table: ``schema.table`` in the lake.
        timestamp_field: Column of the event time.
        created_timestamp_column: Column of the knowledge time.
        description: What the table holds.
        tags: Free labels.
        owner: Who answers for it.
    """

    def __init__(
        self,
        *,
        name: str,
        table: str,
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        description: str = "",
        tags: dict[str, str] | None = None,
        owner: str = "",
    ) -> None:
        if table.count(".") != 1:
            raise ValueError(f"table={table!r} of source {name} must be written as schema.table")
        super().__init__(
            name=name,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            description=description,
            tags=tags,
            owner=owner,
        )
        self.table = table

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LakeSource) and super().__eq__(other) and self.table == other.table

    def __hash__(self) -> int:
        return hash((self.name, self.table))

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> LakeSource:
        """Read a source from Feast's registry."""
        options = json.loads(data_source.custom_options.configuration)
        return LakeSource(
            name=data_source.name,
            table=options["table"],
            timestamp_field=data_source.timestamp_field,
            created_timestamp_column=data_source.created_timestamp_column or None,
            description=data_source.description,
            tags=dict(data_source.tags),
            owner=data_source.owner,
        )

    def _to_proto_impl(self) -> DataSourceProto:
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=f"{type(self).__module__}.{type(self).__qualname__}",
            custom_options=DataSourceProto.CustomSourceOptions(
                configuration=json.dumps({"table": self.table}).encode()
            ),
            timestamp_field=self.timestamp_field,
            created_timestamp_column=self.created_timestamp_column,
            description=self.description,
            tags=self.tags,
            owner=self.owner,
        )

    def source_type(self) -> Any:
        """Feast's word for a source that it does not know itself."""
        return DataSourceProto.CUSTOM_SOURCE

    def validate(self, config: RepoConfig) -> None:
        """Refuse an offline store that cannot read the lake.

        Raises:
            ValueError: The feature store is configured with another offline store.
        """
        kind = config.offline_store.type
        if not kind.endswith("DuckLakeOfflineStore"):
            raise ValueError(f"source {self.name} is a lake table; offline_store.type={kind} cannot read it")

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        """Translator of column types."""
        return value_type

    def get_table_column_names_and_types(self, config: RepoConfig) -> Iterable[tuple[str, str]]:
        """Columns as the lake has them."""
        from uniscale.features.offline.store import lake_of

        with lake_of(config).read() as con:
            rows = con.execute(f"describe lake.{self.table}").fetchall()
        return [(str(row[0]), str(row[1])) for row in rows]

    def get_table_query_string(self) -> str:
        """The table as it is written in SQL."""
        return f"lake.{self.table}"
