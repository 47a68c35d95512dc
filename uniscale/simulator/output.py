"""Files: one Parquet file per table and day, written row group by row group, renamed when the day is complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.schema import Table
from uniscale.simulator.knobs import Knobs

_ARROW = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "INTEGER": pa.int32(),
    "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
}

TRUTH_SCHEMAS: dict[str, pa.Schema] = {
    "candidates": pa.schema(
        {
            "request_id": pa.string(),
            "item_id": pa.string(),
            "examination_probability": pa.float32(),
            "relevance": pa.float32(),
            "utility": pa.float32(),
            "click_probability": pa.float32(),
            "purchase_probability": pa.float32(),
        }
    ),
    "actions": pa.schema({"action_id": pa.string(), "causing_request_id": pa.string()}),
    "users": pa.schema(
        {
            "user_id": pa.string(),
            "taste": pa.list_(pa.float32()),
            "feed_taste": pa.list_(pa.float32()),
            "budget": pa.float32(),
            "need_category_id": pa.string(),
        }
    ),
    "items": pa.schema(
        {
            "item_id": pa.string(),
            "style": pa.list_(pa.float32()),
            "quality": pa.float32(),
            "attractiveness": pa.float32(),
            "popularity": pa.float32(),
        }
    ),
    "bots": pa.schema({"user_id": pa.string()}),
    "returns": pa.schema({"action_id": pa.string(), "returned_at": pa.timestamp("us")}),
}
"""Columns of the truth tables; their meaning is in docs/marketplace.md."""


def truth_tables(knobs: Knobs) -> tuple[str, ...]:
    """The truth tables of a world: of bots and returns there are some only where there are any."""
    is_there = {"bots": knobs.bots > 0, "returns": knobs.returns > 0}
    return tuple(name for name in TRUTH_SCHEMAS if is_there.get(name, True))


def event_schema(table: Table) -> pa.Schema:
    """Arrow schema of a contract table's log: its columns without ``ds``, which is the folder."""
    return pa.schema([pa.field(c.name, _ARROW[c.type], c.nullable) for c in table.columns if c.name != "ds"])


def _schemas(truth: Sequence[str]) -> dict[tuple[str, str], pa.Schema]:
    logs = {("events", table.name): event_schema(table) for table in EVENT_TABLES}
    return logs | {("truth", name): TRUTH_SCHEMAS[name] for name in truth}


class DayFiles:
    """The files of one day; they appear under their names only if the day was written to its end.

    Args:
        folder: Where ``events`` and ``truth`` are.
        ds: The day.
        truth: Names of the truth tables.
    """

    def __init__(self, folder: Path, ds: date, truth: Sequence[str]) -> None:
        self._schemas = _schemas(truth)
        self._paths = {key: folder.joinpath(*key, f"ds={ds}", "part-0.parquet") for key in self._schemas}
        self._writers: dict[tuple[str, str], pq.ParquetWriter] = {}

    def __enter__(self) -> Self:
        for key, path in self._paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            schema = self._schemas[key]
            # Numbers hardly repeat: a dictionary of them costs time and saves nothing.
            texts = [field.name for field in schema if pa.types.is_string(field.type)]
            self._writers[key] = pq.ParquetWriter(
                path.with_suffix(".partial"), schema, compression="zstd", use_dictionary=texts, store_schema=False
            )
        return self

    def write(self, root: str, name: str, columns: dict[str, pa.Array]) -> None:
        """Append one row group; ``columns`` must be those of the table, in order.

        Args:
            root: ``events`` or ``truth``.
            name: Table.
            columns: Arrow arrays of one length.
        """
        schema = self._schemas[root, name]
        if list(columns) != schema.names:
            raise ValueError(f"{root}/{name} has the columns {schema.names}, not {list(columns)}")
        self._writers[root, name].write_table(pa.table(columns).cast(schema))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for key, writer in self._writers.items():
            writer.close()
            partial = self._paths[key].with_suffix(".partial")
            if kind is None:
                partial.replace(self._paths[key])
            else:
                partial.unlink()
