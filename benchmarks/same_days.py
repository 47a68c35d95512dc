"""Whether a change of the code leaves every row and every weight as it was: ``python -m benchmarks.same_days``.

Runs three days of a small simulated shop through the command line, each with all of its steps, and hashes every table
of the lake and the weights of every ranker that was trained. ``--store`` keeps the hashes as the record
``same_days``; without it they are held against that record, and the exit code is 1 if anything differs. Weights are
those of one kind of machine: store and compare on the same one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.shop import Shop
from uniscale.lake import Lake
from uniscale.lineage.content import whole_content
from uniscale.models.zoo import load_model
from uniscale.pipeline.steps import DAY_STEPS
from uniscale.registry.store import Registry

DAYS = 3
WORLD = ("searches_per_day=500",)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", action="store_true", help="Keep the hashes as the record, instead of comparing.")
    arguments = parser.parse_args()
    kept = {**record.begin("benchmarks.same_days"), "found": run_days()}
    del kept["sizes"]
    if arguments.store:
        record.store("same_days", kept, page(kept))
        return
    known = json.loads(record.newest("same_days", ".json").read_text(encoding="utf-8"))
    differing = compare(kept["found"], known["found"])
    for name, pair in differing.items():
        print(f"{name}: {pair[1]} in the record, {pair[0]} now")
    print(f"{len(kept['found'])} tables and rankers, {len(differing)} differ from {known['code_version']}")
    sys.exit(1 if differing else 0)


def run_days() -> dict[str, str]:
    """Rows and hash of every table after the last day, and a hash of every ranker, by name."""
    folder = Path(tempfile.mkdtemp(prefix="same-days-"))
    try:
        shop = Shop(folder, size="xs", train_days=2, days_after=DAYS - 1)
        shop.simulate(changes=WORLD)
        for day in range(DAYS):
            shop.ds += timedelta(days=day > 0)
            shop.build(step.name for step in DAY_STEPS)
        with Lake(shop.settings).read() as con:
            found = {name: f"{content.rows} rows, {content.hash:x}" for name, content in whole_content(con).items()}
        registry = Registry(shop.settings)
        for version in registry.versions():
            name = f"{version.name} of {version.ds}"
            found[name] = hash_weights(load_model(registry.download(version)).state_dict())
    finally:
        shutil.rmtree(folder)
    return found


def hash_weights(weights: Mapping[str, Any]) -> str:
    """A hash of named tensors, bit by bit."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:32]


def compare(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What two runs found that differs, or that only one of them has."""
    names = sorted({*ours, *theirs})
    pairs = {name: (ours.get(name, "none"), theirs.get(name, "none")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def page(kept: Mapping[str, Any]) -> str:
    """The record for people."""
    rows = [f"| {name} | {value} |" for name, value in kept["found"].items()]
    head = [f"# Three small days, {kept['date']}", "", f"`{kept['command']}`, {kept['hardware']}.", ""]
    return "\n".join([*head, "| table or ranker | content |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    main()
