"""How fast logs are landed, against another checkout: ``python -m benchmarks.data.ingest --against CHECKOUT``.

A million rows of each kind of file are landed into an empty lake, by this checkout and by the other one in turn, each
in a process of its own. Wall time and processor time are those of the landing; on a machine that others use, the
second is the one to trust. A ratio above 1 means that this checkout is the faster one. Writes a record (JSON and
Markdown) into ``benchmarks/records``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.record import begin, store
from uniscale.checkout import PROJECT_ROOT

HERE = PROJECT_ROOT
DAY = "2026-01-05"
_TIME = f"timestamp '{DAY}' + interval (k % 86400) second"
_ACTIONS = f"""
    select 'a' || k as action_id, 'u' || k % 50000 as user_id, 'i' || k % 9973 as item_id, 'click' as action,
        {_TIME} as acted_at, {_TIME} as recorded_at, 'search' as domain, 'r' || k // 7 as request_id,
        cast(null as integer) as quantity, cast(null as double) as unit_price
"""
_ITEMS = f"""
    select 'i' || k as item_id, 'lamp, "' || k % 100 || '" wide' as title, 'c' || k % 99 as category_id,
        'b' || k % 999 as brand_id, 's' || k % 99 as shop_id, k % 1000 / 10 as price, {_TIME} as valid_from,
        {_TIME} as recorded_at
"""
KINDS = {
    "CSV": ("actions", "part-0.csv", _ACTIONS, "format csv"),
    "CSV with quotes in every row": ("items", "part-0.csv", _ITEMS, "format csv"),
    "CSV, gzip": ("actions", "part-0.csv.gz", _ACTIONS, "format csv, compression gzip"),
    "Parquet": ("actions", "part-0.parquet", _ACTIONS, "format parquet"),
}
"""Kind of file: its table, its name, the rows and how they are written."""

_LAND = """
import json, sys, time
from pathlib import Path
from uniscale.config import load_settings
from uniscale.lake import Lake
from uniscale.sources.ingest import ingest_events
settings = load_settings()
start, used = time.perf_counter(), time.process_time()
report = ingest_events(settings, Lake(settings), Path(sys.argv[1]))
wall, processor = time.perf_counter() - start, time.process_time() - used
print(json.dumps({"wall": wall, "processor": processor, "rows": sum(report.rows.values())}))
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--against", type=Path, help="Another checkout of the project.")
    arguments = parser.parse_args()
    checkouts = {"this": HERE, **({"other": arguments.against.resolve()} if arguments.against else {})}
    record = begin("benchmarks.data.ingest") | {"rows": arguments.rows, "repeats": arguments.repeats, "kinds": {}}
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        for kind in arguments.kinds:
            logs = write(kind, arguments.rows, Path(scratch))
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
            for number in range(arguments.repeats):
                # Each goes first as often as the other.
                for name in list(checkouts) if number % 2 == 0 else list(checkouts)[::-1]:
                    runs[name].append(land(checkouts[name], logs, arguments.rows))
            record["kinds"][kind] = runs
            print(kind, runs, file=sys.stderr, flush=True)
    store("ingest", record, page(record))
    print(page(record))


def write(kind: str, num_rows: int, scratch: Path) -> Path:
    """Write the logs of a kind; returns their folder."""
    table, name, select, form = KINDS[kind]
    logs = scratch / kind.replace(" ", "_").replace(",", "")
    folder = logs / table / f"ds={DAY}"
    folder.mkdir(parents=True)
    duckdb.execute(f"copy ({select} from range({num_rows}) _(k)) to '{folder / name}' ({form})")
    return logs


def land(checkout: Path, logs: Path, num_rows: int) -> dict[str, float]:
    """Land the logs into an empty lake by the code of a checkout; returns seconds by clock."""
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as home:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "UNISCALE_HOME": home}
        command = [sys.executable, "-c", _LAND, str(logs)]
        told = subprocess.run(command, env=environment, cwd=home, check=True, capture_output=True, text=True)
    landed = json.loads(told.stdout.splitlines()[-1])
    if landed["rows"] != num_rows:
        raise ValueError(f"{checkout} landed {landed['rows']} of {num_rows} rows")
    return {"wall": round(landed["wall"], 3), "processor": round(landed["processor"], 3)}


def page(record: dict[str, Any]) -> str:
    """The record as a person reads it."""
    lines = [
        f"# Ingest, {record['date']}",
        "",
        f"`{record['command']}` on {record['hardware']}. {record['rows']:,} rows a file; medians of "
        f"{record['repeats']} runs in turn.",
        "",
        "| file | rows/s | rows per processor second | ratio to the other checkout, wall | processor |",
        "|---|---|---|---|---|",
    ]
    for kind, runs in record["kinds"].items():
        median = {
            name: {clock: statistics.median(run[clock] for run in taken) for clock in ("wall", "processor")}
            for name, taken in runs.items()
        }
        rates = [f"{record['rows'] / median['this'][clock]:,.0f}" for clock in ("wall", "processor")]
        ratios = [
            f"{median['other'][clock] / median['this'][clock]:.2f}" if "other" in median else "-"
            for clock in ("wall", "processor")
        ]
        lines.append(f"| {kind} | {' | '.join(rates + ratios)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
