"""DCNv2 compared with torch-rechub and fuxictr: ``python -m benchmarks.rankers.peers --libraries FOLDER``.

The folder holds both libraries (``pip install --no-deps --target FOLDER torch-rechub fuxictr polars
polars-runtime-32 h5py tqdm``); what else they need is what this project needs. All three train the same network (20
columns of 20,000 identifiers, vectors of 16, three full-rank cross layers next to an MLP of 256 and 128) on the same
rows in batches of 2,048 with two threads, one epoch, each in a process of its own. Two speeds are told: of an epoch
with the library's own loader, and of its training step on batches that are ready. AUC is measured on rows that
nobody trained on. This project runs three times: with torch's kernels for the tables, with those of fbgemm, and with
products that are computed in bf16.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from benchmarks import record

COLUMNS, IDS, WIDTH, BATCH = 20, 20_000, 16, 2_048
CROSS_LAYERS, MLP = 3, (256, 128)
LIBRARIES = ("uniscale", "uniscale_fbgemm", "uniscale_bf16_matmul", "torch_rechub", "fuxictr")
SPEEDS = ("epoch_rows_per_second", "step_rows_per_second")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", type=Path, required=True, help="Folder with torch_rechub and fuxictr.")
    parser.add_argument("--rows", type=int, default=400_000, help="Training rows.")
    parser.add_argument("--seeds", type=int, default=3, help="Runs of each, with other rows and first weights.")
    arguments = parser.parse_args()
    trials = []
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
        for seed in range(arguments.seeds):
            path = Path(folder) / f"rows-{seed}.npz"
            np.savez(path, **rows(arguments.rows, arguments.rows // 4, seed))
            # In turn, so that a slow minute of the machine meets all of them.
            trials += [{"seed": seed, **_run(name, path, seed, arguments.libraries)} for name in LIBRARIES]
            path.unlink()
    kept = {**record.begin("benchmarks.rankers.peers"), "rows": arguments.rows, "trials": trials}
    kept["command"] = kept["command"].replace(str(arguments.libraries), "FOLDER")
    record.store("peers", kept, page(kept))


def rows(num_train: int, num_test: int, seed: int) -> dict[str, np.ndarray]:
    """Clicks that follow from identifiers by themselves and in pairs; popular ones come often."""
    world, draw = np.random.default_rng(7), np.random.default_rng([seed])
    alone = world.normal(0, 0.35, (COLUMNS, IDS))
    taste = world.normal(0, 0.6, (COLUMNS, IDS, 4))
    total = num_train + num_test
    ids = np.minimum(IDS - 1, (draw.pareto(0.9, (total, COLUMNS)) * 20).astype(np.int64))
    picked = [taste[column, ids[:, column]] for column in range(COLUMNS)]
    logit = -2 + alone[np.arange(COLUMNS), ids].sum(1)
    logit += sum((picked[column] * picked[column + 1]).sum(1) for column in range(0, COLUMNS, 2))
    label = (draw.random(total) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    return {
        "train_ids": ids[:num_train].astype(np.int32),
        "train_label": label[:num_train],
        "test_ids": ids[num_train:].astype(np.int32),
        "test_label": label[num_train:],
    }


def _run(name: str, path: Path, seed: int, libraries: Path) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.rankers.peers_run",
        name,
        str(path),
        str(seed),
        str(libraries.resolve()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}, seed {seed}: {found}", flush=True)
    return found


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    by_name = {name: [trial for trial in kept["trials"] if trial["library"] == name] for name in LIBRARIES}
    best = {name: [max(trial[key] for trial in trials) for key in SPEEDS] for name, trials in by_name.items()}
    lines = [
        f"# DCNv2 compared with public implementations, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}, two threads. {kept['rows']:,} rows, {COLUMNS} columns of {IDS:,}",
        f"identifiers, vectors of {WIDTH}, batches of {BATCH:,}. Rows per second, best of the seeds, and in",
        "brackets how many times torch-rechub's and fuxictr's; AUC: mean and standard error.",
        "",
        "| library | epoch, own loader | step alone | AUC |",
        "|---|---|---|---|",
    ]
    for name, trials in by_name.items():
        cells = [
            f"{speed:,.0f} ({speed / best['torch_rechub'][place]:.2f}, {speed / best['fuxictr'][place]:.2f})"
            for place, speed in enumerate(best[name])
        ]
        aucs = [trial["auc"] for trial in trials]
        error = stdev(aucs) / len(aucs) ** 0.5 if len(aucs) > 1 else float("nan")
        lines.append(f"| {name} {trials[0]['version']} | {' | '.join(cells)} | {mean(aucs):.4f} ± {error:.4f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
