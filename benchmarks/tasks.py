"""What the tasks beside the click cost it: ``python -m benchmarks.tasks``.

A recipe is trained with other weights of the tasks' losses and judged on the clicks of a development day, on several
seeds: the same rows, steps and order of batches.
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
from benchmarks.shop import Shop
from benchmarks.trials import run_all, train_and_judge
from benchmarks.weights import cell, differences
from uniscale.recipes.catalogue import RECIPES, get_recipe
from uniscale.recipes.recipe import Recipe

METRICS = ("gauc", "auc", "ndcg_at_10", "log_loss")
WEIGHTS: tuple[Mapping[str, float], ...] = ({}, {"cart": 0.0}, {"cart": 0.0, "purchase": 0.0})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="hhsft_es3_xs", choices=sorted(RECIPES))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    base = get_recipe(arguments.recipe)
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        shop = Shop(Path(scratch) / "shop", size=base.size, train_days=6)
        shop.simulate()
        shop.build(("land", "marts", "samples", "frames"))
        content = shop.settings.model_dump(mode="json")
        variants = [
            replace(base, seed_offset=seed, train=replace(base.train, task_weights=weights))
            for weights in WEIGHTS
            for seed in range(arguments.seeds)
        ]
        trials = run_all(run, [(content, shop.ds, variant) for variant in variants])
    kept = {**record.begin("benchmarks.tasks"), "recipe": arguments.recipe, "trials": trials}
    record.store(f"tasks_{arguments.recipe}", kept, page(kept))


def run(work: tuple[dict[str, Any], date, Recipe]) -> dict[str, Any]:
    """Train one variant and judge it on the day after."""
    recipe, trial = work[2], train_and_judge(*work)
    measured = {name: trial.metrics[name] for name in METRICS}
    return {"weights": recipe.train.task_weights, "seed": recipe.seed_offset, **measured, "seconds": trial.seconds}


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    lines = [
        f"# Weights of the tasks, {kept['recipe']}, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}. Mean and standard error over seeds; differences are",
        "paired by seed.",
        "",
        "| weights | GAUC | difference | AUC | NDCG@10 | log loss |",
        "|---|---|---|---|---|---|",
    ]
    groups = [[trial for trial in kept["trials"] if trial["weights"] == weights] for weights in WEIGHTS]
    for weights, trials in zip(WEIGHTS, groups, strict=True):
        name = ", ".join(f"{task} {weight:g}" for task, weight in weights.items()) or "1 each"
        cells = [cell([trial[metric] for trial in trials]) for metric in METRICS]
        cells.insert(1, cell(differences(groups[0], trials, "gauc"), sign=True))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
