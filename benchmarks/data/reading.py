"""From the lake to training tensors: ``python -m benchmarks.data.reading --size s``.

A shop is simulated and built up to its frames. Then its training set is read as every training worker does: Arrow
batches from the lake, encoded into the columns of a store. In turns with it, the same statements through DuckDB's
relational call, ``con.sql(query, params=...)``, which materialises the result row by row before the first batch; both
must give the same columns. The limit is PyArrow reading the same Parquet files into memory. Writes a record.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import record
from benchmarks.shop import Shop
from uniscale.config import Settings
from uniscale.config.calendar import train_days
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.data.frame_store import FrameStore
from uniscale.data.recipe import ES3, EXPOSED, DataRecipe
from uniscale.data.training_set import training_set
from uniscale.lake import Lake
from uniscale.pipeline.steps import steps_until

RECIPES = {"entire space": ES3, "shown rows": EXPOSED}


class _Relational:
    """A connection whose queries with parameters go through ``con.sql``."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def execute(self, query: str, params: Any = None) -> Any:
        return self._con.execute(query) if params is None else self._con.sql(query, params=params)


class RelationalLake(Lake):
    """The lake as it is read by the relational call."""

    @contextmanager
    def read(self, snapshot_id: int | None = None) -> Iterator[Any]:
        """As `Lake.read`."""
        with super().read(snapshot_id) as con:
            yield _Relational(con)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="s", choices=["xs", "s", "m"])
    parser.add_argument("--train-days", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="Times each way is timed, in turns; the best counts.")
    arguments = parser.parse_args()
    found = record.begin("benchmarks.data.reading")
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        shop = Shop(Path(scratch) / "shop", size=arguments.size, train_days=arguments.train_days)
        shop.simulate()
        shop.build(steps_until("frames"))
        found["sizes"][arguments.size] = measure(shop, arguments.repeats)
    record.store("reading", found, markdown(found))
    print(markdown(found))


def measure(shop: Shop, repeats: int) -> dict[str, Any]:
    """Seconds of the clock and of the processor of both calls, by data recipe, and of the limit."""
    settings = shop.settings
    found: dict[str, Any] = {"recipes": {}}
    for name, recipe in RECIPES.items():
        ways = {"execute": Lake(settings), "sql": RelationalLake(settings)}
        stores = {way: _store(settings, lake, shop, recipe) for way, lake in ways.items()}
        _refuse_difference(*stores.values())
        rows = stores["execute"].num_items
        times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(repeats):
            for way, lake in ways.items():
                times[way].append(_timed(_store, settings, lake, shop, recipe))
        best = {way: min(tried) for way, tried in times.items()}
        found["recipes"][name] = {
            "rows": rows,
            **{way: {"seconds": wall, "processor_seconds": cpu} for way, (wall, cpu) in best.items()},
        }
    files = _files(settings)
    seconds, _ = min(_timed(_read_all, files) for _ in range(repeats))
    found["limit_rows_per_second"] = _rows(settings) / seconds
    return found


def _store(settings: Settings, lake: Lake, shop: Shop, recipe: DataRecipe) -> FrameStore:
    days = train_days(settings, shop.ds)
    return training_set(settings, lake, days, recipe, history_length=HISTORY_LENGTH)


def _refuse_difference(left: FrameStore, right: FrameStore) -> None:
    everyone = np.arange(left.num_requests)
    one, other = left.select(everyone), right.select(everyone)
    for mine, theirs in ((one.requests, other.requests), (one.items, other.items)):
        for name, values in mine.items():
            np.testing.assert_array_equal(values, theirs[name], err_msg=name)


def _read_all(files: list[str]) -> list[pa.Table]:
    return [pq.read_table(file) for file in files]


def _timed(work: Callable[..., object], *arguments: object) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work(*arguments)
    return time.perf_counter() - wall, time.process_time() - cpu


def _files(settings: Settings) -> list[str]:
    with Lake(settings).read() as con:
        query = "select data_file from ducklake_list_files('lake', ?, schema => ?)"
        return [row[0] for row in con.execute(query, [FRAMES.name, FRAMES.schema]).fetchall()]


def _rows(settings: Settings) -> int:
    with Lake(settings).read() as con:
        row = con.execute(f"select sum(len(item_ids)) from lake.{FRAMES.qualified}").fetchone()
    assert row is not None
    return int(row[0])


def markdown(found: dict[str, Any]) -> str:
    """The record as a page."""
    lines = [
        f"# From the lake to training tensors, {found['date']}",
        "",
        f"`{found['command']}`, code {found['code_version']}, {found['hardware']}. One process; each figure is the "
        "best of several, both calls in turns. Rows are items. The limit is PyArrow reading the same Parquet files "
        "into memory, all columns, on all cores.",
        "",
        "| size | recipe | rows | call | seconds | processor seconds | rows/s | times con.sql | of the limit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for size, of_size in found["sizes"].items():
        for name, recipe in of_size["recipes"].items():
            for way in ("execute", "sql"):
                speed = recipe["rows"] / recipe[way]["seconds"]
                ratio = recipe["sql"]["seconds"] / recipe[way]["seconds"]
                lines.append(
                    f"| {size} | {name} | {recipe['rows']:,} | con.{way} | {recipe[way]['seconds']:.2f} "
                    f"| {recipe[way]['processor_seconds']:.2f} | {speed:,.0f} | {ratio:.2f} "
                    f"| {speed / of_size['limit_rows_per_second']:.1%} |"
                )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
