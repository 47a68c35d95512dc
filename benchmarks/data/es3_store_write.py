"""The samples of a lake as list-wise and as flat Parquet files: ``python -m benchmarks.data.es3_store_write OUT``.

All files: zstd level 3, the same row group size, in the order of requests unless the name says otherwise. The flat
files repeat what belongs to the request on the row of each item, and, where the name has a number, the user's last
actions known before the request, up to this number. They leave out when an action became known, and what its item
was taken for on that day: only shared sequences need it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from uniscale.config.settings import load_settings
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.sequences import AS_OF_THE_DAY_BEFORE, SEQUENCES
from uniscale.data.behaviour import LISTS
from uniscale.lake import Lake

WINDOWS = (20, 50)
"""Longest windows of the flat files with sequences."""
ROW_GROUP_ROWS = 122_880
_LISTS = [column.name for column in SAMPLES.columns if column.type.endswith("[]")]
_OF_REQUEST = [name for name in SAMPLES.column_names if name not in _LISTS]
_SHARED_ONLY = {"known_at", *AS_OF_THE_DAY_BEFORE.values()}
_OF_ACTION = [name for name in LISTS if name not in _SHARED_ONLY]


def main() -> None:
    """Write all files; prints counts, and bytes and seconds by file."""
    out = Path(sys.argv[1])
    out.mkdir()
    with Lake(load_settings()).read() as con:
        con.execute(f"create temp table records as from lake.{SAMPLES.qualified} order by requested_at, sample_id")
        found: dict[str, Any] = {
            "records": _one(con, "select count(*) from records"),
            "items": _one(con, "select sum(len(item_ids)) from records"),
            "actions": _one(con, f"select sum(len(item_ids)) from lake.{SEQUENCES.qualified}"),
            "windowed_actions": {},
        }
        queries = {
            "list-wise": "from records",
            "list-wise by user": "from records order by user_id, requested_at, sample_id",
            "sequences": f"from lake.{SEQUENCES.qualified} order by user_id, ds",
            "flat": _flat(),
        }
        found["files"] = {name: _copy(con, query, out / f"{name}.parquet") for name, query in queries.items()}
        for window in WINDOWS:
            _join_windows(con, window)
            name = f"flat {window}"
            found["windowed_actions"][name] = _one(con, "select sum(len(actions)) from windowed")
            found["files"][name] = _copy(con, _flat("windowed", _OF_ACTION), out / f"{name}.parquet")
    print(json.dumps(found))


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    assert row is not None
    if row[0] is None:
        raise ValueError("the lake holds no samples or sequences; run: uniscale step samples DAY")
    return int(row[0])


def _join_windows(con: duckdb.DuckDBPyConnection, window: int) -> None:
    """Records in their order, with the user's last actions known before the request."""
    fields = ", ".join(f"'{name}': {name}" for name in _OF_ACTION)
    lists = ", ".join(f"flatten([day.{name} for day in days]) as {name}" for name in _OF_ACTION)
    ordered = f"list_sort(list({{'ds': ds, {fields}}}))"
    days = f"select user_id, {ordered} as days from lake.{SEQUENCES.qualified} group by user_id"
    con.execute(f"create or replace temp table users as select user_id, {lists} from ({days})")
    shown = f"[greatest(1, sequence_length - {window - 1}):sequence_length]"
    windows = ", ".join(f"coalesce(users.{name}{shown}, []) as {_name(name)}" for name in _OF_ACTION)
    con.execute(
        f"create or replace temp table windowed as select records.*, {windows} from records left join users "
        "using (user_id) order by requested_at, sample_id"
    )


def _name(name: str) -> str:
    """Name of a column of actions next to those of the request."""
    return f"acted_{name}" if name in _LISTS else name


def _flat(table: str = "records", of_action: Sequence[str] = ()) -> str:
    """Query of one row per item; it streams, since each record's rows follow each other."""
    items = [f"unnest({name}) as {name}" for name in _LISTS]
    return f"select {', '.join([*_OF_REQUEST, *map(_name, of_action), *items])} from {table}"


def _copy(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> dict[str, Any]:
    options = f"format parquet, compression zstd, compression_level 3, row_group_size {ROW_GROUP_ROWS}"
    start = time.perf_counter()
    con.execute(f"copy ({query}) to '{file}' ({options})")
    return {"bytes": file.stat().st_size, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    main()
