"""How fast a shop is simulated, against another checkout: ``python -m benchmarks.data.simulation --against CHECKOUT``.

The default world is written by this checkout and by the other one in turn, each in a process of its own; both must have
written the same bytes. Processor time and peak memory are those of the simulation. A ratio above 1 means that this
checkout needs less. The other presets follow, by this checkout alone. Writes a record into ``benchmarks/records``.
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

from benchmarks.record import begin, store
from uniscale.checkout import PROJECT_ROOT
from uniscale.simulator.worlds import DEFAULT, PRESETS

HERE = PROJECT_ROOT

_SIMULATE = """
import hashlib, json, sys, time
from datetime import date
from pathlib import Path
from uniscale.simulator.simulate import simulate
folder, size, days, world = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
asked = {}
if world != "default":
    from uniscale.simulator.worlds import PRESETS
    asked = {"blueprint": PRESETS[world]}
used = time.process_time()
counts = simulate(folder, days=days, size=size, seed=7, start=date(2026, 1, 5), **asked)
used = time.process_time() - used
status = Path("/proc/self/status").read_text()
peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
digest = hashlib.sha256()
for file in sorted(folder.rglob("*.parquet")):
    digest.update(str(file.relative_to(folder)).encode() + hashlib.sha256(file.read_bytes()).digest())
told = {"seconds": used, "peak_mib": peak, "rows": counts["candidates"], "bytes": digest.hexdigest()}
print(json.dumps(told))
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="s")
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--against", type=Path, help="Another checkout of the project.")
    arguments = parser.parse_args()
    checkouts = {"this": HERE, **({"other": arguments.against.resolve()} if arguments.against else {})}
    shared = {"size": arguments.size, "days": arguments.days, "repeats": arguments.repeats}
    record: dict[str, Any] = begin("benchmarks.data.simulation") | shared
    del record["sizes"]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    for number in range(arguments.repeats):
        # Each goes first as often as the other.
        for name in list(checkouts) if number % 2 == 0 else list(checkouts)[::-1]:
            runs[name].append(run(checkouts[name], arguments.size, arguments.days, DEFAULT.name))
            print(name, runs[name][-1], file=sys.stderr, flush=True)
    written = {one["bytes"] for told in runs.values() for one in told}
    if len(written) > 1:
        raise ValueError(f"the runs wrote different bytes: {runs}")
    record["runs"] = runs
    record["presets"] = {
        name: run(HERE, arguments.size, arguments.days, name) for name in PRESETS if name != DEFAULT.name
    }
    store("simulation", record, page(record))
    print(page(record))


def run(checkout: Path, size: str, days: int, world: str) -> dict[str, Any]:
    """Simulate once with the code of a checkout."""
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
        command = [sys.executable, "-c", _SIMULATE, folder, size, str(days), world]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        told = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def page(record: dict[str, Any]) -> str:
    """The record as a person reads it."""
    median = {
        name: {clock: statistics.median(one[clock] for one in told) for clock in ("seconds", "peak_mib", "rows")}
        for name, told in record["runs"].items()
    }
    this = median["this"]
    lines = [
        f"# Simulation, {record['date']}",
        "",
        f"`{record['command']}` on {record['hardware']}. Size {record['size']}, {record['days']} days; medians of "
        f"{record['repeats']} runs in turn; processor time.",
        "",
        "| world | candidate rows | seconds | rows a second | peak MiB |",
        "|---|---|---|---|---|",
    ]
    for name, told in {DEFAULT.name: this, **record["presets"]}.items():
        rate = told["rows"] / told["seconds"]
        lines.append(f"| {name} | {told['rows']:,} | {told['seconds']:.2f} | {rate:,.0f} | {told['peak_mib']:.0f} |")
    if "other" in median:
        other = median["other"]
        lines += [
            "",
            f"Both checkouts write the same bytes of the default world: SHA-256 over all files "
            f"`{record['runs']['this'][0]['bytes']}`.",
            "",
            "| default world | this checkout | the other | ratio |",
            "|---|---|---|---|",
            f"| processor seconds | {this['seconds']:.2f} | {other['seconds']:.2f} | "
            f"{other['seconds'] / this['seconds']:.2f} |",
            f"| peak MiB | {this['peak_mib']:.0f} | {other['peak_mib']:.0f} | "
            f"{other['peak_mib'] / this['peak_mib']:.2f} |",
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
