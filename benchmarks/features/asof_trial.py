"""One process of the ASOF benchmark: ``python -m benchmarks.features.asof_trial FOLDER KIND TTL_DAYS LATE REPEATS``.

KIND is ``speed`` (a bare join and our store in turn), ``feast`` (Feast's DuckDB store) or ``stream`` (our store into
a Parquet file). Prints seconds of each run, a checksum and the peak memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.data.es3_shops import peak_mib
from benchmarks.features.asof_data import FEATURES, feasts_store, our_store, settings
from uniscale.lake import Lake

REFS = [f"things:{name}" for name in FEATURES]

Run = Callable[[], pa.Table]


def bare_query(versions: str, entities: str, ttl: timedelta, *, late: bool) -> str:
    """The join as a person writes it by hand."""
    visible = "greatest(feature_at, recorded_at)" if late else "feature_at"
    alive = f"e.event_timestamp <= v.feature_at + to_days({ttl.days})"
    shown = (f"case when {alive} then v.{name} end as {name}" if ttl else f"v.{name}" for name in FEATURES)
    return (
        f"select e.*, {', '.join(shown)} from {entities} as e "
        f"asof left join (select *, {visible} as visible_at from {versions}) as v "
        "on e.name = v.name and e.event_timestamp >= v.visible_at"
    )


def speed(folder: Path, ttl: timedelta, *, late: bool) -> Mapping[str, Run]:
    """A bare join over the lake and over the file, and our store for a frame and for an Arrow table."""
    table = pq.read_table(folder / "entities.parquet")
    frame = table.to_pandas()
    store, lake = our_store(folder, ttl), Lake(settings(folder))

    def bare_lake() -> pa.Table:
        with lake.read() as con:
            con.register("entities", frame)
            return con.sql(bare_query("features.things", "entities", ttl, late=late)).to_arrow_table()

    def bare_file() -> pa.Table:
        with duckdb.connect() as con:
            con.register("entities", frame)
            versions = f"read_parquet('{folder}/versions.parquet')"
            return con.sql(bare_query(versions, "entities", ttl, late=late)).to_arrow_table()

    return {
        "bare_lake": bare_lake,
        "bare_file": bare_file,
        "frame": lambda: store.get_historical_features(entity_df=frame, features=REFS).to_arrow(),
        "arrow": lambda: store.get_historical_features(entity_df=table, features=REFS).to_arrow(),
    }


def feast(folder: Path, ttl: timedelta, *, late: bool) -> Mapping[str, Run]:
    """Feast's DuckDB store; it takes a frame only."""
    frame = pq.read_table(folder / "entities.parquet").to_pandas()
    store = feasts_store(folder, ttl)
    return {
        "feast": lambda: store.get_historical_features(
            entity_df=frame.copy(), features=REFS, filter_by_created_timestamp=late
        ).to_arrow()
    }


def stream(folder: Path, ttl: timedelta, *, late: bool) -> Mapping[str, Run]:  # noqa: ARG001
    """Our store, from an Arrow table to a Parquet file."""
    store, out = our_store(folder, ttl), folder / "ours.parquet"

    def run() -> pa.Table:
        entities = pq.read_table(folder / "entities.parquet")
        store.get_historical_features(entity_df=entities, features=REFS).to_parquet(out)
        return pq.read_table(out, columns=list(FEATURES[:2]))

    return {"stream": run}


def checksum(table: pa.Table) -> list[Any]:
    """Rows, rows with an answer, and the sum of a feature over them."""
    value, number = table.column(FEATURES[0]), table.column(FEATURES[1])
    return [table.num_rows, table.num_rows - value.null_count, int(pc.sum(number).as_py() or 0)]


KINDS = {"speed": speed, "feast": feast, "stream": stream}


def main() -> None:
    """Run all runs of a kind in turn, several times; after each turn a line of what is known so far."""
    folder, kind, ttl_days, late, repeats = sys.argv[1:]
    runs = KINDS[kind](Path(folder), timedelta(days=int(ttl_days)), late=late == "late")
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    sums: dict[str, list[Any]] = {}
    for _ in range(int(repeats)):
        for name, run in runs.items():
            start = time.perf_counter()
            table = run()
            seconds[name].append(time.perf_counter() - start)
            peak = peak_mib()
            sums[name] = checksum(table)
            del table
        print(json.dumps({"seconds": seconds, "checksums": sums, "peak_mib": peak}), flush=True)


if __name__ == "__main__":
    main()
