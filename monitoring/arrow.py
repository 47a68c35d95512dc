"""Rows of Python values as an Arrow table of a contract's types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from uniscale.contracts.schema import Table

_ARROW = {
    "DATE": pa.date32(),
    "VARCHAR": pa.string(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "TIMESTAMP": pa.timestamp("us"),
}


def arrow_rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of a table, each a mapping by column."""
    return pa.Table.from_pylist(list(rows), pa.schema([(c.name, _type(c.type)) for c in table.columns]))


def _type(sql: str) -> pa.DataType:
    return pa.list_(_ARROW[sql.removesuffix("[]")]) if sql.endswith("[]") else _ARROW[sql]
