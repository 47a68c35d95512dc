"""Read a layout as a training loader does, in a cold process.

``python -m benchmarks.data.es3_store_read FOLDER LAYOUT``.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.data.es3_shops import peak_mib
from uniscale.data.behaviour import Behaviour, read_behaviour

_BATCH_ROWS = 65_536


def read_list_wise(folder: Path, layout: str, window: int | None) -> dict[str, Any]:
    """All records in memory; with a window, also the sequences and where each record's window lies in them.

    Gathering the windows is timed apart: a loader does it batch by batch, on encoded actions.
    """
    start = time.perf_counter()
    with pq.ParquetFile(folder / f"{layout}.parquet") as file:
        table = file.read(use_threads=True)
    found: dict[str, Any] = {"items": pc.sum(pc.list_value_length(table.column("item_ids"))).as_py()}
    if window is None:
        return {**found, "seconds": time.perf_counter() - start, "bytes_held": table.nbytes}
    behaviour = read_sequences(folder / "sequences.parquet", folder / f"{layout}.parquet", window)
    lengths = table.column("sequence_length").to_numpy()
    ends, taken = behaviour.ends(table.column("user_id").combine_chunks(), lengths), np.minimum(lengths, window)
    seconds = time.perf_counter() - start
    places = np.arange(taken.sum()) + np.repeat(ends - np.cumsum(taken), taken)
    behaviour.actions.drop_columns(["known_at"]).take(places)
    return {
        **found,
        "windowed_actions": int(taken.sum()),
        "seconds": seconds,
        "gather_seconds": time.perf_counter() - start - seconds,
        "bytes_held": table.nbytes + behaviour.actions.nbytes,
    }


def read_sequences(file: Path, records: Path, window: int) -> Behaviour:
    """What the records see of the sequences of a file, through the reader of the lake's table."""
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake; create schema lake.es3; set preserve_insertion_order = true")
        con.execute(f"create view lake.es3.sequences as from read_parquet('{file}')")
        return read_behaviour(con, f"select user_id, sequence_length from read_parquet('{records}')", at_most=window)


def read_flat(folder: Path, layout: str) -> dict[str, Any]:
    """All rows, a batch at a time: long windows on every row do not fit in memory at once."""
    start = time.perf_counter()
    items = held = 0
    with pq.ParquetFile(folder / f"{layout}.parquet") as file:
        for batch in file.iter_batches(_BATCH_ROWS, use_threads=True):
            items += batch.num_rows
            held += batch.nbytes
    return {"items": items, "seconds": time.perf_counter() - start, "bytes_held": held}


def main() -> None:
    """Read; prints items, seconds, the bytes that all of it takes in memory, and peak memory."""
    folder, layout, *window = sys.argv[1:]
    pa.array([0]).to_numpy()  # pyarrow imports pandas at the first such call; that is no reading
    if layout.startswith("flat"):
        found = read_flat(Path(folder), layout)
    else:
        found = read_list_wise(Path(folder), layout, int(window[0]) if window else None)
    print(json.dumps({**found, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
