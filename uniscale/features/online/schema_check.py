"""Whether the feature tables of the lake have the columns that the feature views say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import duckdb

from uniscale.features.offline.source import value_type

if TYPE_CHECKING:
    from feast import FeatureView

_DAY = "ds"  # the partition of every table; the views read the clocks


def check_schemas(con: duckdb.DuckDBPyConnection, views: Iterable[FeatureView]) -> None:
    """Hold the tables of the lake against the views.

    Raises:
        ValueError: They differ; the message names view and column, and what the lake and Feast say.
    """
    differences = [difference for view in views for difference in _differences(con, view)]
    if differences:
        listed = "\n".join(f"  {difference}" for difference in differences)
        raise ValueError(
            f"the lake's feature tables and the feature views differ; nothing was written:\n{listed}\n"
            "build the tables with this version (uniscale step marts DS --force), or correct feature_repo/views.py"
        )


def _differences(con: duckdb.DuckDBPyConnection, view: FeatureView) -> list[str]:
    source = view.batch_source
    try:
        rows = con.execute(f"describe lake.{source.table}").fetchall()
    except duckdb.CatalogException:
        return [f"{view.name}: the lake has no table {source.table}"]
    clocks = {_DAY, source.timestamp_field, source.created_timestamp_column}
    lake = {row[0]: row[1] for row in rows if row[0] not in clocks}
    fields = {field.name: field.dtype.to_value_type() for field in (*view.entity_columns, *view.features)}
    found = [
        f"{view.name}.{name}: the lake says {lake.get(name, 'nothing')}, Feast says {fields[name].name}"
        for name in fields
        if not _fits(lake.get(name), fields[name])
    ]
    found += [
        f"{view.name}.{name}: the lake says {lake[name]}, Feast says nothing" for name in sorted(lake.keys() - fields)
    ]
    missing = clocks - {row[0] for row in rows}
    return found + [
        f"{view.name}.{name}: the lake says nothing, the view needs it" for name in sorted(missing - {None})
    ]


def _fits(sql_type: str | None, wanted: Any) -> bool:
    try:
        return sql_type is not None and value_type(sql_type) == wanted
    except ValueError:
        return False
