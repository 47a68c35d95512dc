"""Rows per second of the steps of a day by size of the shop: ``python -m benchmarks.stages --sizes xs s``.

Each size is simulated, landed and built in a folder of its own; the seconds are those of the ledger. Machine limits are
measured in the same run. Writes a record (JSON and Markdown) into ``benchmarks/records``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.limits import asof_rows_per_second, gemm_gflops, lake_rows_per_second
from benchmarks.shop import Shop
from uniscale.contracts.events import CANDIDATES
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.outcomes import STEPS
from uniscale.contracts.samples import SAMPLES
from uniscale.lake import Lake
from uniscale.lake.ledger import code_version

RECORDS = Path(__file__).with_name("records")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=["xs", "s"], choices=["xs", "s", "m"])
    parser.add_argument("--train-days", type=int, default=3)
    parser.add_argument("--steps", nargs="+", default=["land", "marts", "samples", "frames", "train"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        folder = Path(scratch)
        limits = {
            "lake_rows_per_second": lake_rows_per_second(folder / "limit"),
            "asof_rows_per_second": asof_rows_per_second(),
            "gemm_gflops": gemm_gflops(),
        }
        sizes = {size: measure(folder / size, size, arguments.train_days, arguments.steps) for size in arguments.sizes}
    record = {
        "date": date.today().isoformat(),
        "command": "python -m benchmarks.stages " + " ".join(sys.argv[1:]),
        "code_version": code_version(),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "limits": limits,
        "sizes": sizes,
    }
    write(record)


def measure(folder: Path, size: str, train_days: int, steps: list[str]) -> dict[str, Any]:
    """Simulate a shop and run the steps of its last day; rows and seconds of each."""
    shop = Shop(folder, size=size, train_days=train_days)
    found: dict[str, Any] = {"simulate": {"seconds": shop.simulate()}}
    shop.build(steps)
    lake, ds = Lake(shop.settings), shop.ds
    with lake.read() as con:
        ledger = con.execute(
            f"select step, seconds, peak_mib, details from {STEPS.qualified} where ds = ?", [ds]
        ).fetchall()
        candidates = _one(con, f"select count(*) from {CANDIDATES.qualified}")
        sampled = _one(con, f"select sum(len(item_ids)) from {SAMPLES.qualified}")
        framed = _one(con, f"select sum(len(item_ids)) from {FRAMES.qualified}")
    rows = {"simulate": candidates, "land": candidates, "marts": candidates, "samples": sampled, "frames": framed}
    for step, seconds, peak, details in ledger:
        found[step] = {"seconds": seconds, "peak_mib": peak}
        if step == "train":
            found[step]["models"] = json.loads(details)["models"]
    for step, count in rows.items():
        if step in found:
            found[step] |= {"rows": count, "rows_per_second": count / found[step]["seconds"]}
    return found


def _one(con: Any, query: str) -> int:
    return int(con.execute(query).fetchone()[0] or 0)


def write(record: dict[str, Any]) -> None:
    """Store the record as JSON, and as a table that a person reads."""
    RECORDS.mkdir(exist_ok=True)
    stem = RECORDS / f"stages_{platform.machine()}_{os.cpu_count()}cores_{record['date'][:7]}"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    lines = [
        f"# Steps of a day by size, {record['date']}",
        "",
        f"`{record['command']}`, code {record['code_version']}, {record['hardware']}.",
        "",
        f"Limits in the same run: {record['limits']['lake_rows_per_second']:,.0f} rows/s into the lake (three narrow "
        f"columns), {record['limits']['asof_rows_per_second']:,.0f} rows/s bare ASOF join, "
        f"{record['limits']['gemm_gflops']:.0f} GFLOP/s fp32 matrix product.",
        "",
        "| size | step | rows | seconds | rows/s | peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    for size, steps in record["sizes"].items():
        for step, found in steps.items():
            if step == "train":
                lines += _training_lines(size, found)
                continue
            rows, speed = f"{found['rows']:,}", f"{found['rows_per_second']:,.0f}"
            peak = f"{found['peak_mib']:,.0f}" if "peak_mib" in found else ""
            lines.append(f"| {size} | {step} | {rows} | {found['seconds']:.1f} | {speed} | {peak} |")
    text = "\n".join(lines) + "\n"
    stem.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _training_lines(size: str, found: dict[str, Any]) -> list[str]:
    return [
        f"| {size} | train {model['recipe']} | {model['num_rows']:,} | {model['seconds']:.1f} "
        f"| {model['rows_per_second']:,.0f} | {found['peak_mib']:,.0f} |"
        for model in found["models"].values()
        if "rows_per_second" in model
    ]


if __name__ == "__main__":
    main()
