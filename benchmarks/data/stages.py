"""Rows per second of the steps of a day by size of the shop: ``python -m benchmarks.data.stages --sizes xs s m``.

Each size is simulated, landed and built in a folder of its own; the seconds are those of the ledger. Machine limits are
measured in the same run, and each step is set against the limit that is nearest to its work. Writes a record (JSON and
Markdown) into ``benchmarks/records`` after every size.
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
from benchmarks.record import RECORDS
from benchmarks.shop import Shop
from uniscale.checkout import code_version
from uniscale.config import Settings
from uniscale.contracts.events import CANDIDATES
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.outcomes import STEPS
from uniscale.contracts.samples import SAMPLES
from uniscale.lake import Lake
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.recipe import Recipe

STEP_LIMITS = {
    "land": "lake_rows_per_second",
    "marts": "lake_rows_per_second",
    "samples": "lake_rows_per_second",
    "frames": "asof_rows_per_second",
    "materialize": None,
    "train": "gemm_gflops",
}
"""The steps that are measured, with the limit that each is set against."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=["xs", "s", "m"], choices=["xs", "s", "m"])
    parser.add_argument("--train-days", type=int, default=3)
    parser.add_argument("--steps", nargs="+", default=list(STEP_LIMITS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        folder = Path(scratch)
        limits = {
            "lake_rows_per_second": lake_rows_per_second(folder / "limit"),
            "asof_rows_per_second": asof_rows_per_second(),
            "gemm_gflops": gemm_gflops(),
        }
        record: dict[str, Any] = {
            "date": date.today().isoformat(),
            "command": "python -m benchmarks.data.stages " + " ".join(sys.argv[1:]),
            "code_version": code_version(),
            "hardware": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "limits": limits,
            "sizes": {},
        }
        for size in arguments.sizes:
            record["sizes"][size] = measure(folder / size, size, arguments.train_days, arguments.steps)
            write(record)
    print(markdown(record))


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
    for step, seconds, peak, text in ledger:
        details = json.loads(text)
        found[step] = {"seconds": seconds, "peak_mib": peak}
        if step == "materialize":
            rows[step] = sum(details["entities"].values())
        if step == "train":
            trained = [model for model in details["models"].values() if not model["reused"]]
            found[step]["models"] = [_trained(shop.settings, lake, ds, model) for model in trained]
    for step, count in rows.items():
        if step in found:
            found[step] |= {"rows": count, "rows_per_second": count / found[step]["seconds"]}
    return found


def _trained(settings: Settings, lake: Lake, ds: date, model: dict[str, Any]) -> dict[str, Any]:
    recipe = get_recipe(model["recipe"])
    kept = ("recipe", "num_params", "num_requests", "num_rows", "seconds", "rows_per_second")
    return {
        **{name: model[name] for name in kept},
        "epochs": recipe.train.epochs,
        "flops_per_row": flops_per_row(settings, lake, ds, recipe),
    }


def flops_per_row(settings: Settings, lake: Lake, ds: date, recipe: Recipe) -> float:
    """Floating-point operations of matrix products, forward and backward, per training row of a day."""
    from torch.utils.flop_counter import FlopCounterMode

    from uniscale.data.loader import Loader, LoaderState
    from uniscale.data.training_set import training_set
    from uniscale.models.loss import ranking_loss
    from uniscale.models.zoo import build_model

    model = build_model(recipe.model, recipe.size, settings.domains)
    store = training_set(settings, lake, [ds], recipe.data, history_length=model.inputs.history_length)
    step = next(Loader(store, batch_requests=256, seed=0).epoch(LoaderState()))
    ((batch, labels),) = step.micro_batches
    model.fit_numeric(batch)
    with FlopCounterMode(display=False) as counter:
        ranking_loss(model(batch), labels, total_weight=step.weight).backward()
    return counter.get_total_flops() / step.num_items


def _one(con: Any, query: str) -> int:
    return int(con.execute(query).fetchone()[0] or 0)


def write(record: dict[str, Any]) -> None:
    """Store the record as JSON, and as a table that a person reads."""
    RECORDS.mkdir(exist_ok=True)
    stem = RECORDS / f"stages_{platform.machine()}_{os.cpu_count()}cores_{record['date'][:7]}"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text(markdown(record), encoding="utf-8")


def markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    limits = record["limits"]
    lines = [
        f"# Steps of a day by size, {record['date']}",
        "",
        f"`{record['command']}`, code {record['code_version']}, {record['hardware']}.",
        "",
        f"Limits in the same run: {limits['lake_rows_per_second']:,.0f} rows/s into the lake (three narrow "
        f"columns), {limits['asof_rows_per_second']:,.0f} rows/s bare ASOF join, "
        f"{limits['gemm_gflops']:.0f} GFLOP/s fp32 matrix product on all cores. Seconds are those of the whole step, "
        "start of its process included; of training those of the model, start of the workers included, while its "
        "rows/s are those of the running loop. Peak memory is that of the largest process.",
        "",
        "| size | step | rows | seconds | rows/s | of the limit | peak MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for size, steps in record["sizes"].items():
        for step, found in steps.items():
            lines += _training_lines(size, found, limits) if step == "train" else [_line(size, step, found, limits)]
    return "\n".join(lines) + "\n"


def _line(size: str, step: str, found: dict[str, Any], limits: dict[str, float]) -> str:
    limit = STEP_LIMITS.get(step)
    share = f"{found['rows_per_second'] / limits[limit]:.1%} {limit.split('_')[0]}" if limit else ""
    peak = f"{found['peak_mib']:,.0f}" if "peak_mib" in found else ""
    return (
        f"| {size} | {step} | {found['rows']:,} | {found['seconds']:.1f} | {found['rows_per_second']:,.0f} "
        f"| {share} | {peak} |"
    )


def _training_lines(size: str, found: dict[str, Any], limits: dict[str, float]) -> list[str]:
    lines = []
    for model in found["models"]:
        gflops = model["rows_per_second"] * model["flops_per_row"] / 1e9
        lines.append(
            f"| {size} | train {model['recipe']} | {model['num_rows']:,} x {model['epochs']} | {model['seconds']:.1f} "
            f"| {model['rows_per_second']:,.0f} | {gflops / limits['gemm_gflops']:.1%} gemm ({gflops:.1f} GFLOP/s) "
            f"| {found['peak_mib']:,.0f} |"
        )
    return lines


if __name__ == "__main__":
    main()
