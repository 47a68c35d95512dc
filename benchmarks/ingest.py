"""How fast logs are landed, against another checkout: ``python -m benchmarks.ingest --against CHECKOUT``.

A million rows of each kind of file are landed into an empty lake, by this checkout and by the other one in turn, each in
a process of its own. The ratio is that of the medians; above 1, this checkout is the faster one. Writes a record (JSON
and Markdown) into ``benchmarks/records``.
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

HERE = Path(__file__).resolve().parents[1]
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
start = time.perf_counter()
report = ingest_events(settings, Lake(settings), Path(sys.argv[1]))
print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time(), "rows": sum(report.rows.values())}))
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--against", type=Path, help="Another checkout of the project.")
    arguments = parser.parse_args()
    checkouts = {"this": HERE, **({"other": arguments.against.resolve()} if arguments.against else {})}
    record = begin("benchmarks.ingest") | {"rows": arguments.rows, "repeats": arguments.repeats, "kinds": {}}
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        for kind in KINDS:
            logs = write(kind, arguments.rows, Path(scratch))
            seconds: dict[str, list[float]] = {name: [] for name in checkouts}
            for _ in range(arguments.repeats):
                for name, checkout in checkouts.items():
                    seconds[name].append(land(checkout, logs, arguments.rows))
            record["kinds"][kind] = seconds
            print(kind, seconds, file=sys.stderr, flush=True)
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


def land(checkout: Path, logs: Path, num_rows: int) -> float:
    """Land the logs into an empty lake by the code of a checkout; returns seconds."""
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as home:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "UNISCALE_HOME": home}
        command = [sys.executable, "-c", _LAND, str(logs)]
        told = subprocess.run(command, env=environment, cwd=home, check=True, capture_output=True, text=True)
    landed = json.loads(told.stdout.splitlines()[-1])
    if landed["rows"] != num_rows:
        raise ValueError(f"{checkout} landed {landed['rows']} of {num_rows} rows")
    return float(landed["seconds"])


def page(record: dict[str, Any]) -> str:
    """The record as a person reads it."""
    lines = [
        f"# Ingest, {record['date']}",
        "",
        f"`{record['command']}` on {record['hardware']}. {record['rows']:,} rows a file, {record['repeats']} repeats in "
        "turn; medians.",
        "",
        "| file | rows/s | other checkout, rows/s | ratio |",
        "|---|---|---|---|",
    ]
    for kind, seconds in record["kinds"].items():
        this = statistics.median(seconds["this"])
        other = statistics.median(seconds["other"]) if "other" in seconds else None
        compared = f"{record['rows'] / other:,.0f} | {other / this:.2f}" if other else "- | -"
        lines.append(f"| {kind} | {record['rows'] / this:,.0f} | {compared} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
