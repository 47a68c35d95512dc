"""Columns and tables as data: SQL, dbt contracts, Feast views and model inputs are held against this one source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ModelInput = Literal["log", "value", "age"]
"""ln(1 + x); the value as it is; ln(1 + hours) from that moment, in seconds since 1970, to the request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a lake table.

    Attributes:
        name: Column name; the same quantity has the same name everywhere.
        type: DuckDB SQL type, for example ``VARCHAR`` or ``FLOAT[]``.
        description: Meaning, with the unit where there is one.
        nullable: Whether NULL is a legal value.
        minimum: Smallest legal value, inclusive; NULL is judged by ``nullable``.
        allowed: The closed set of legal values, if there is one.
        model_input: How the models read the column as a number; None if it is not one of their numeric inputs.
    """

    name: str
    type: str
    description: str
    nullable: bool = False
    minimum: float | None = None
    allowed: tuple[str, ...] | None = None
    model_input: ModelInput | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One lake table.

    Attributes:
        schema: Lake schema (``raw``, ``marts``, ``carried``, ``daily``, ``features``, ``es3``, ``ml``, ``monitor`` or
            ``ops``).
        name: Table name.
        grain: The sentence that says what one row is.
        key: Columns that identify a row.
        columns: All columns in storage order.
        partition: Partition column, or None for a small table that is not partitioned.
    """

    schema: str
    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: str | None = "ds"

    @property
    def qualified(self) -> str:
        """``schema.name``, to be used below the lake's catalogue."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in storage order."""
        return tuple(column.name for column in self.columns)

    def ddl(self, catalog: str = "lake") -> str:
        """``create table if not exists`` for this table."""
        body = ", ".join(f'"{c.name}" {c.type}{"" if c.nullable else " not null"}' for c in self.columns)
        return f"create table if not exists {catalog}.{self.qualified} ({body})"
