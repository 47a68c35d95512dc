"""What this machine can do at best, measured in the same run as what it is compared with."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def best_of(times: int, work: Callable[[], object]) -> float:
    """Seconds of the quickest of several runs."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def lake_rows_per_second(folder: Path, rows: int = 1_000_000) -> float:
    """Rows of a narrow generated table written into a fresh DuckLake in one commit."""
    from uniscale.config import Settings
    from uniscale.lake import Lake

    lake = Lake(Settings(home=folder))
    query = f"select range as id, range % 1000 as key, random() as value from range({rows})"
    return rows / best_of(
        3, lambda: lake.commit(lambda con: con.execute(f"create or replace table lake.t as {query}"), "t")
    )


def asof_rows_per_second(rows: int = 1_000_000) -> float:
    """Entity rows of a bare ASOF join against as many feature versions, into a table."""
    import duckdb

    con = duckdb.connect()
    con.execute(f"create table f as select range % 100000 as k, range as t, random() as v from range({rows})")
    con.execute(f"create table e as select range % 100000 as k, range + 7 as t from range({rows})")
    query = "create or replace table j as select e.*, v from e asof left join f on e.k = f.k and e.t >= f.t"
    return rows / best_of(3, lambda: con.execute(query))


def gemm_gflops(size: int = 2048, *, device: str = "cpu", is_bf16: bool = False) -> float:
    """Best matrix product, in GFLOP/s; of fp32 matrices all threads, and as exact as Torch is set to be.

    Args:
        size: Rows and columns.
        device: Torch device.
        is_bf16: Whether the matrices are bf16.
    """
    import torch

    dtype = torch.bfloat16 if is_bf16 else torch.float32
    left, right = (torch.rand(size, size, device=device, dtype=dtype) for _ in range(2))
    wait = torch.cuda.synchronize if torch.device(device).type == "cuda" else lambda: None

    def work() -> None:
        left @ right
        wait()

    work()  # the first product sets the library up
    return 2 * size**3 / best_of(5, work) / 1e9
