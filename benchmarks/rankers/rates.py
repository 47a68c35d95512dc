"""Which learning rates a recipe wants: ``python -m benchmarks.rankers.rates --recipe hhsft_es3_xs``.

A shop of the recipe's size is simulated; every pair of rates trains on six days and is judged on the clicks of the
seventh. The demo's test day comes after them and is never read. The best pairs by GAUC are then repeated on more seeds.
Writes a record (JSON and Markdown) into ``benchmarks/records``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.rankers.trials import run_all, train_and_judge
from benchmarks.rankers.weights import cell
from benchmarks.record import RECORDS
from benchmarks.shop import Shop
from uniscale.config import Settings
from uniscale.pipeline.steps import steps_until
from uniscale.recipes.catalogue import RECIPES, get_recipe
from uniscale.recipes.recipe import Recipe

METRICS = ("auc", "gauc", "ndcg_at_10", "log_loss")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="hhsft_es3_xs", choices=sorted(RECIPES))
    parser.add_argument("--embedding", nargs="+", type=float, default=[0.1, 0.2, 0.4, 0.8], help="Rates of the tables.")
    parser.add_argument("--dense", nargs="+", type=float, default=[5e-4, 1e-3, 2e-3], help="Rates of the rest.")
    parser.add_argument("--seeds", type=int, default=3, help="Seeds of the best pairs.")
    parser.add_argument("--finalists", type=int, default=3, help="Pairs that are repeated on all seeds.")
    arguments = parser.parse_args()
    base = get_recipe(arguments.recipe)
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        shop = Shop(Path(scratch) / "shop", size=base.size, train_days=6)
        shop.simulate()
        shop.build(steps_until("frames"))
        pairs = list(product(arguments.embedding, arguments.dense))
        trials = run_all(run, pieces(shop.settings, shop.ds, [variant(base, *pair, seed=0) for pair in pairs]))
        best = sorted(trials, key=lambda trial: -trial["gauc"])[: arguments.finalists]
        finals = [(t["embedding_rate"], t["dense_rate"]) for t in best]
        again = [variant(base, *pair, seed=seed) for pair in finals for seed in range(1, arguments.seeds)]
        trials += run_all(run, pieces(shop.settings, shop.ds, again))
    record = {
        "date": date.today().isoformat(),
        "command": "python -m benchmarks.rankers.rates " + " ".join(sys.argv[1:]),
        "recipe": base.content(),
        "trials": trials,
    }
    write(record, arguments.recipe)


def variant(base: Recipe, embedding_rate: float, dense_rate: float, *, seed: int) -> Recipe:
    """The recipe with other rates and another seed."""
    train = replace(base.train, embedding_rate=embedding_rate, dense_rate=dense_rate)
    return replace(base, train=train, seed_offset=seed)


def pieces(settings: Settings, ds: date, recipes: Sequence[Recipe]) -> list[tuple[dict[str, Any], date, Recipe]]:
    """What each process is told."""
    return [(settings.model_dump(mode="json"), ds, recipe) for recipe in recipes]


def run(work: tuple[dict[str, Any], date, Recipe]) -> dict[str, Any]:
    """Train one variant and judge it on the day after."""
    recipe, trial = work[2], train_and_judge(*work)
    return {
        "embedding_rate": recipe.train.embedding_rate,
        "dense_rate": recipe.train.dense_rate,
        "seed": recipe.seed_offset,
        **{name: trial.metrics[name] for name in METRICS},
        "train_loss": trial.trainer.curve[-1]["loss"],
        "seconds": trial.seconds,
    }


def write(record: dict[str, Any], recipe: str) -> None:
    """Store the record as JSON, and as a table that a person reads."""
    RECORDS.mkdir(exist_ok=True)
    stem = RECORDS / f"rates_{recipe}_{record['date'][:7]}"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    lines = [
        f"# Learning rates of {recipe}, {record['date']}",
        "",
        f"`{record['command']}`. Six training days, judged on the seventh; mean and standard error over seeds.",
        "",
        "| embedding rate | dense rate | seeds | AUC | GAUC | NDCG@10 | log loss |",
        "|---|---|---|---|---|---|---|",
    ]
    pairs = sorted({(trial["embedding_rate"], trial["dense_rate"]) for trial in record["trials"]})
    for pair in pairs:
        found = [t for t in record["trials"] if (t["embedding_rate"], t["dense_rate"]) == pair]
        cells = [cell([trial[name] for trial in found]) for name in METRICS]
        lines.append(f"| {pair[0]:g} | {pair[1]:g} | {len(found)} | {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    stem.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
