"""The samples of a lake as list-wise and as flat Parquet files: ``python -m benchmarks.es3_store_write OUT``.

All files: zstd level 3, in the order of requests unless the name says otherwise, row groups of about as many items. The
flat files repeat what belongs to the request on the row of each item, and, where the name has a number, the user's
last actions known before the request, up to this number. They leave out when an action became known, which only the
shared sequences need.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from uniscale.config.settings import load_settings
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.sequences import SEQUENCES
from uniscale.lake import Lake

WINDOWS = (20, 50)
"""Longest windows of the flat files with sequences."""
ROW_GROUP_ITEMS = 122_880
_VECTOR = 2048
"""DuckDB's row groups are multiples of it."""
_LISTS = [column.name for column in SAMPLES.columns if column.type.endswith("[]")]
_OF_REQUEST = [name for name in SAMPLES.column_names if name not in _LISTS]
_OF_ACTION = [name for name in SEQUENCES.column_names if name.endswith("s") and name != "ds"] + ["acted_at"]


def main() -> None:
    """Write all files; prints counts, and bytes and seconds by file."""
    out = Path(sys.argv[1])
    out.mkdir()
    with Lake(load_settings()).read() as con:
        con.execute(f"create temp table records as from lake.{SAMPLES.qualified} order by requested_at, sample_id")
        num_records, num_items, num_actions, num_days = _numbers(con)
        of_items = max(1, round(num_items / num_records))
        files = {
            "list-wise": _copy(con, "from records", out / "list-wise.parquet", of_items),
            "list-wise by user": _copy(
                con,
                "from records order by user_id, requested_at, sample_id",
                out / "list-wise by user.parquet",
                of_items,
            ),
            "sequences": _copy(
                con,
                f"from lake.{SEQUENCES.qualified} order by user_id, ds",
                out / "sequences.parquet",
                max(1, round(num_actions / num_days)),
            ),
            "flat": _copy(con, _flat(), out / "flat.parquet"),
        }
        shown = {}
        for window in WINDOWS:
            _join_windows(con, window)
            row = con.execute("select avg(len(actions)) from windowed").fetchone()
            assert row is not None
            shown[f"flat {window}"] = float(row[0])
            files[f"flat {window}"] = _copy(con, _flat("windowed", _OF_ACTION), out / f"flat {window}.parquet")
    print(
        json.dumps(
            {"records": num_records, "items": num_items, "actions": num_actions, "mean_window": shown, "files": files}
        )
    )


def _numbers(con: duckdb.DuckDBPyConnection) -> tuple[int, int, int, int]:
    """Records, their items; actions, and the rows (users and days) that hold them."""
    row = con.execute(
        "select (select count(*) from records), (select sum(len(item_ids)) from records), "
        f"sum(len(item_ids)), count(*) from lake.{SEQUENCES.qualified}"
    ).fetchone()
    assert row is not None
    if not row[0]:
        raise ValueError("the lake holds no samples; run: uniscale step samples DAY")
    return int(row[0]), int(row[1]), int(row[2]), int(row[3])


def _join_windows(con: duckdb.DuckDBPyConnection, window: int) -> None:
    """Records in their order, with the user's last actions known before the request."""
    gathered = ", ".join(f"flatten(list({name} order by ds)) as {name}" for name in _OF_ACTION)
    con.execute(
        f"create or replace temp table users as select user_id, {gathered} from lake.es3.sequences group by user_id"
    )
    sliced = ", ".join(
        f"coalesce(users.{name}[greatest(1, sequence_length - {window - 1}):sequence_length], []) as {name}"
        for name in _OF_ACTION
    ).replace("as item_ids", "as acted_item_ids")
    con.execute(
        f"create or replace temp table windowed as select records.*, {sliced} from records left join users "
        "using (user_id) order by requested_at, sample_id"
    )


def _flat(table: str = "records", of_action: list[str] | None = None) -> str:
    """Query of one row per item: streams, since each record's rows follow each other."""
    actions = ["acted_item_ids" if name == "item_ids" else name for name in of_action or []]
    items = [f"unnest({name}) as {name}" for name in _LISTS]
    return f"select {', '.join([*_OF_REQUEST, *actions, *items])} from {table}"


def _copy(con: duckdb.DuckDBPyConnection, query: str, file: Path, items_per_row: int = 1) -> dict[str, Any]:
    group = max(_VECTOR, round(ROW_GROUP_ITEMS / items_per_row / _VECTOR) * _VECTOR)
    start = time.perf_counter()
    con.execute(
        f"copy ({query}) to '{file}' (format parquet, compression zstd, compression_level 3, row_group_size {group})"
    )
    return {"bytes": file.stat().st_size, "seconds": time.perf_counter() - start, "row_group_rows": group}


if __name__ == "__main__":
    main()
