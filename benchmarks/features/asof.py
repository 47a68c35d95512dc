"""Point-in-time retrieval against a bare ASOF join and Feast's DuckDB store: ``python -m benchmarks.features.asof``.

Speed: a million entity rows against a million feature versions with 10, 200 and 2,000 versions per key, without and
with a time to live of 3 days, and once with late corrections. A bare hand-written ASOF join over the lake and over a
Parquet file, and our whole retrieval through Feast, run in turn in one process; Feast's DuckDB store runs in a process
of its own that is stopped at a limit of time and memory. That the answers are equal is checked. Memory: ten million
rows against ten million versions, from an Arrow table into a Parquet file. Takes about ten minutes on an idle machine,
and writes a record (JSON and Markdown) after every case.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.data.es3_shops import parse_rows
from benchmarks.features.asof_data import write
from benchmarks.record import begin, store
from uniscale.checkout import PROJECT_ROOT

VERSIONS_PER_KEY = (10, 200, 2000)
TTL_DAYS = 3
NEEDS_EQUAL_ANSWERS = ("frame", "arrow", "stream", "feast")
"""What must agree; a bare join also does, unless versions are late: it then serves old versions that came late."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=parse_rows, default=1_000_000, help="Entity rows and versions, for speed.")
    parser.add_argument("--memory-rows", type=parse_rows, default=10_000_000, help="The same, for memory.")
    parser.add_argument("--repeats", type=int, default=5, help="Runs of each engine; the median counts.")
    parser.add_argument(
        "--limit-seconds", type=int, default=60, help="When Feast's store is stopped; for memory three times as late."
    )
    parser.add_argument("--limit-gib", type=float, default=12, help="Memory at which it is stopped.")
    arguments = parser.parse_args()
    record = begin("benchmarks.features.asof") | {"limits": f"{arguments.limit_seconds} s, {arguments.limit_gib:g} GiB"}
    for versions in VERSIONS_PER_KEY:
        for ttl, late in ((0, False), (TTL_DAYS, False), (0, True)):
            kinds = {"speed": arguments.repeats, "feast": max(arguments.repeats - 2, 1)}
            found = measure(arguments, arguments.rows, versions, ttl, late=late, kinds=kinds)
            record["sizes"][case(arguments.rows, versions, ttl, late=late)] = found
            save(record)
    found = measure(arguments, arguments.memory_rows, 200, TTL_DAYS, late=False, kinds={"stream": 1, "feast": 1})
    record["memory"] = {case(arguments.memory_rows, 200, TTL_DAYS, late=False): found}
    save(record)
    print(markdown(record))


def case(rows: int, versions: int, ttl: int, *, late: bool) -> str:
    """Name of a case."""
    return f"{rows:,} rows, {versions:,} per key{f', {ttl} days to live' if ttl else ''}{', late' if late else ''}"


def measure(
    arguments: argparse.Namespace, rows: int, versions: int, ttl: int, *, late: bool, kinds: dict[str, int]
) -> dict[str, Any]:
    """Run the kinds of trial of a case, each in a process of its own.

    Raises:
        ValueError: Two engines give different answers.
    """
    print(case(rows, versions, ttl, late=late), file=sys.stderr, flush=True)
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    limit_seconds = arguments.limit_seconds * (1 if rows == arguments.rows else 3)
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
        write(Path(folder), rows, versions, late=late)
        for kind, repeats in kinds.items():
            words = [folder, kind, str(ttl), "late" if late else "on_time", str(repeats)]
            found[kind] = trial(words, limit_seconds if kind == "feast" else None, arguments.limit_gib * 2**30)
    sums = {
        name: tuple(checksum)
        for kind in kinds
        for name, checksum in found[kind].get("checksums", {}).items()
        if name in NEEDS_EQUAL_ANSWERS or not late
    }
    if len(set(sums.values())) != 1:
        raise ValueError(f"answers differ: {sums}")
    return found


def trial(words: list[str], limit_seconds: int | None, limit_bytes: float) -> dict[str, Any]:
    """The runs that `asof_trial` came to the end of; if there is none, why it was stopped."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UNISCALE_")}
    environment["PYTHONPATH"] = str(PROJECT_ROOT)
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.features.asof_trial", *words]
    start = time.monotonic()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    process = psutil.Process(child.pid)
    reason = None
    while child.poll() is None:
        time.sleep(0.1)
        resident = process.memory_info().rss
        if resident > limit_bytes:
            reason = f"over {limit_bytes / 2**30:g} GiB after {time.monotonic() - start:.0f} s"
        elif limit_seconds is not None and time.monotonic() - start > limit_seconds:
            reason = f"over {limit_seconds} s, {resident / 2**30:.1f} GiB by then"
        if reason:
            child.kill()
            break
    out, _ = child.communicate()
    finished = out.splitlines()
    if finished:
        found: dict[str, Any] = json.loads(finished[-1])
        return found
    return {"stopped": reason or f"exit code {child.returncode} after {time.monotonic() - start:.0f} s"}


def save(record: dict[str, Any]) -> None:
    """Store the record as JSON and as tables that a person reads."""
    store("asof", record, markdown(record))


def markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    lines = [
        f"# Point-in-time retrieval, {record['date']}",
        "",
        f"`{record['command'].strip()}`, code {record['code_version']}, {record['hardware']}. Three features of one "
        "view, string keys; as many entity rows as versions, spread evenly over 30 days. Seconds are medians and end "
        "with an Arrow table. Bare: one hand-written ASOF join over the lake (which it opens, as our store does) or "
        "over a Parquet file, entity rows from a frame, in any order; ours gives the order of the entity rows. Feast: "
        f"its own DuckDB store over the Parquet file, its process stopped at {record['limits']}. Late: one version in "
        "twenty recorded two days later, knowledge time honoured; there the bare join, on the later of both clocks, "
        "may serve a version older than one it had served before. Load: of the machine when the case began.",
        "",
        "| case | bare, lake | bare, file | ours, frame | ours, Arrow | frame / bare | Arrow / bare | Feast "
        "| Feast / ours | load |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [row(name, found) for name, found in record["sizes"].items()]
    lines += ["", "Memory, from an Arrow table (Feast: a frame) to a Parquet file (Feast: an Arrow table):", ""]
    lines += [
        "| case | ours, seconds | ours, peak MiB | Feast, seconds | Feast, peak MiB | load |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in record.get("memory", {}).items():
        cells = [cell for kind in ("stream", "feast") for cell in (shown(found, kind), peak(found[kind]))]
        lines.append(f"| {name} | {' | '.join(cells)} | {found['load']:.1f} |")
    return "\n".join(lines) + "\n"


def row(name: str, found: dict[str, Any]) -> str:
    """A line of the table of speeds."""
    engines = ("bare_lake", "bare_file", "frame", "arrow")
    bare, file, frame, arrow = (median(found["speed"], engine) for engine in engines)
    seconds = " | ".join(f"{engine:.2f}" for engine in (bare, file, frame, arrow))
    times = "" if "stopped" in found["feast"] else f"{median(found['feast'], 'feast') / frame:.1f}"
    return (
        f"| {name} | {seconds} | {frame / bare:.2f} | {arrow / bare:.2f} | {shown(found, 'feast')} | {times} "
        f"| {found['load']:.1f} |"
    )


def median(found: dict[str, Any], engine: str) -> float:
    """Median seconds of an engine."""
    return statistics.median(found["seconds"][engine])


def shown(found: dict[str, Any], kind: str) -> str:
    """Median seconds, or why it was stopped."""
    return found[kind].get("stopped") or f"{median(found[kind], kind):.2f}"


def peak(trial: dict[str, Any]) -> str:
    """Peak memory, if it came to its end."""
    return f"{trial['peak_mib']:,.0f}" if "peak_mib" in trial else ""


if __name__ == "__main__":
    main()
