"""Filling the online store, against Feast's own way: ``python -m benchmarks.features.materialize --items 1e5 1e6``.

A lake with so many items, and 1 % of them changed on a later day. Into SQLite and into a Redis server of its own, each
in a fresh process: `materialize` (a slot filled whole, a slot brought from an older day to a newer one, and the same
day again), and ``FeatureStore.materialize`` of the same table through the same offline store into Feast's own online
store, whole and of the changed rows. Writes a record (JSON and Markdown) after every measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.data.es3_shops import parse_rows
from benchmarks.record import begin, store
from uniscale.config import Settings
from uniscale.contracts.days import midnight_after
from uniscale.contracts.features import FEATURE_TABLES, ITEM_FEATURES
from uniscale.lake import Lake

DS = date(2026, 1, 5)
CHANGED = 100
"""One item of so many is changed on the last day."""
STORES = ("sqlite", "redis")
_ITEM = {
    "title": "'red shoe number ' || n || ' size ' || n % 50",
    "category_id": "'c' || n % 300",
    "brand_id": "'b' || n % 2000",
    "shop_id": "'s' || n % 5000",
    "item_attributes": "['color=red', 'size=' || n % 50]",
    "item_domains": "['feed', 'search', 'shop']",
    "item_domain_ctrs": "[0.01 + n % 7 / 1e3, 0.02 + n % 11 / 1e3, 0.03 + n % 13 / 1e3]",
    "item_domain_cvrs": "[0.1 + n % 7 / 1e3, 0.2 + n % 11 / 1e3, 0.3 + n % 13 / 1e3]",
    "item_listed_at": "1767225600 + n % 86400",
    "item_last_acted_at": "1767225600 + n % 1000000",
}
"""Values that are not drawn from the item's number as the others are."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", nargs="+", type=parse_rows, default=[100_000, 1_000_000])
    parser.add_argument("--feast-up-to", type=parse_rows, default=1_000_000, help="Most items that Feast is given.")
    arguments = parser.parse_args()
    record = begin("benchmarks.features.materialize")
    record["features"] = len(ITEM_FEATURES.features)
    for items in sorted(arguments.items):
        with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
            home = Path(scratch) / "home"
            fill_lake(Lake(Settings(home=home)), items)
            record["sizes"][str(items)] = found = {"load": os.getloadavg()[0]}
            for kind in STORES:
                for way in ("uniscale", "feast") if items <= arguments.feast_up_to else ("uniscale",):
                    found[f"{kind} {way}"] = measure(home, kind, way, Path(scratch))
                    store("materialize", record, markdown(record))
    print(markdown(record))


def fill_lake(lake: Lake, items: int) -> None:
    """All feature tables, and versions of items: all on DS, the first one a day later, one of 100 two days later."""

    def work(con: Any) -> None:
        for table in FEATURE_TABLES:
            Lake.create(con, table)
        for days, which in ((0, "true"), (1, "n = 0"), (2, f"n % {CHANGED} = 0")):
            at = midnight_after(DS, days)
            clocks = {"ds": f"date '{at.date() - timedelta(days=1)}'"} | dict.fromkeys(
                ("feature_at", "recorded_at"), f"timestamp '{at}'"
            )
            numbers = {
                column.name: f"(hash(n + {days}) % 1000)::double / 7" if column.type == "DOUBLE" else f"n % 97 + {days}"
                for column in ITEM_FEATURES.columns
            }
            values = {**numbers, **_ITEM, **clocks, "item_id": "'item-' || n"}
            selected = ", ".join(f"{values[name]} as {name}" for name in ITEM_FEATURES.column_names)
            rows = f"select {selected} from range({items}) as t(n) where {which}"
            con.execute(f"insert into lake.{ITEM_FEATURES.qualified} {rows}")

    lake.commit(work, "items")


def measure(home: Path, kind: str, way: str, scratch: Path) -> dict[str, Any]:
    """Seconds and peak memory of one way, in a process of its own."""
    with redis_server(scratch) if kind == "redis" else nullcontext("") as address:
        command = [sys.executable, "-m", "benchmarks.features.materialize_run", str(home), kind, way, str(address)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Redis server that keeps nothing on the disk; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    lines = [
        f"# Filling the online store, {record['date']}",
        "",
        f"`{record['command']}`, code {record['code_version']}, {record['hardware']}. Items with "
        f"{record['features']} features. Full: an empty slot. Changed: 1 % of the items, of which `materialize` finds "
        "out by comparing two generations and Feast is told by the interval. Again: the same day once more. Seconds "
        "hold everything from the lake's table to the swapped pointer, without the start of Python; other programs ran "
        "on the machine, so the ratios tell more than the seconds.",
        "",
        "| items | store | way | full s | items/s | faster | changed s | faster | again s | peak MiB | store MiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for items, found in record["sizes"].items():
        for kind in STORES:
            theirs = found.get(f"{kind} feast")
            for way in ("uniscale", "feast"):
                ran = found.get(f"{kind} {way}")
                if ran is None:
                    continue
                times = ["", ""]
                if theirs is not None and way == "uniscale":
                    times = [f"{theirs[name] / ran[name]:.1f}x" for name in ("full", "changed")]
                again = f"{ran['again']:.1f}" if "again" in ran else ""
                lines.append(
                    f"| {int(items):,} | {kind} | {way} | {ran['full']:.1f} | {int(items) / ran['full']:,.0f} "
                    f"| {times[0]} | {ran['changed']:.1f} | {times[1]} | {again} | {ran['peak_mib']:,.0f} "
                    f"| {ran['store_mib']:,.0f} |"
                )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
