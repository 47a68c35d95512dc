"""What each part of HHSFT is worth: ``python -m benchmarks.rankers.ablation``.

The rows of the paper's ablation, and HHSFT as its figure draws it, without residuals around the fusion of domains.
Trained on several seeds of a simulated shop, on shown rows and on entire-space rows, with the same rows, steps, rates
and order of batches, and judged on the clicks of a development day.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.rankers.trials import run_all, train_and_judge
from benchmarks.rankers.weights import cell, differences
from benchmarks.shop import Shop
from uniscale.data.recipe import DATA
from uniscale.models.zoo import SIZES
from uniscale.pipeline.steps import steps_until
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.recipe import Recipe

METRICS = ("gauc", "auc", "ndcg_at_10", "log_loss")
ROWS: dict[str, tuple[str, Mapping[str, bool]]] = {
    "HHFI": ("hhfi", {}),
    "HHFI + DREF": ("hhsft", {"has_dapga": False}),
    "HHFI + DAPGA": ("hhsft", {"has_dref": False}),
    "HHFI + DREF + DAPGA": ("hhsft", {}),
    "the same, no residuals": ("hhsft", {"has_residuals": False}),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="xs", choices=SIZES)
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        shop = Shop(Path(scratch) / "shop", size=arguments.size, train_days=6)
        shop.simulate()
        shop.build(steps_until("frames"))
        content = shop.settings.model_dump(mode="json")
        work = [
            (content, shop.ds, row, variant(row, data, seed, arguments))
            for data in arguments.data
            for row in ROWS
            for seed in range(arguments.seeds)
        ]
        trials = run_all(run, work)
    kept = {**record.begin("benchmarks.rankers.ablation"), "epochs": arguments.epochs, "trials": trials}
    record.store(f"ablation_{arguments.size}", kept, page(kept))


def variant(row: str, data: str, seed: int, arguments: argparse.Namespace) -> Recipe:
    """The recipe of a row; all have the rates of HHSFT."""
    model, changes = ROWS[row]
    base = get_recipe(f"hhsft_{data}_{arguments.size}")
    train = replace(base.train, epochs=arguments.epochs)
    return replace(base, model=model, train=train, config_changes=changes, seed_offset=seed)


def run(work: tuple[dict[str, Any], date, str, Recipe]) -> dict[str, Any]:
    """Train one variant and judge it on the day after."""
    content, ds, row, recipe = work
    trial = train_and_judge(content, ds, recipe)
    return {
        "row": row,
        "data": recipe.data.name,
        "seed": recipe.seed_offset,
        **{name: trial.metrics[name] for name in METRICS},
        "steps": trial.trainer.num_steps,
        "seconds": trial.seconds,
    }


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    lines = [
        f"# The parts of HHSFT, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}. {kept['epochs']} epoch(s); mean and standard error over",
        "seeds; differences to HHFI on the same data are paired by seed.",
        "",
        "| data | ranker | GAUC | difference | AUC | NDCG@10 | log loss |",
        "|---|---|---|---|---|---|---|",
    ]
    for data in dict.fromkeys(trial["data"] for trial in kept["trials"]):
        groups = {row: [t for t in kept["trials"] if (t["row"], t["data"]) == (row, data)] for row in ROWS}
        for row, trials in groups.items():
            cells = [cell([trial[metric] for trial in trials]) for metric in METRICS]
            cells.insert(1, cell(differences(groups["HHFI"], trials, "gauc"), sign=True))
            lines.append(f"| {data} | {row} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
