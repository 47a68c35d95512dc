"""All rankers on the same days: ``python -m benchmarks.rankers.quality``.

A shop is simulated. Each ranker picks its learning rates out of three pairs on a development day; then it trains on the
days up to and with that day, on several seeds, and is judged on the clicks of the next one, which nothing was tuned on.
Every ranker gets the same rows, the same number of steps and the same order of batches. One thread each. With
``--models`` only these are run, and the month's record keeps the others.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import record
from benchmarks.rankers.trials import run_all, train_and_judge
from benchmarks.rankers.weights import cell
from benchmarks.shop import Shop
from uniscale.data.recipe import DATA
from uniscale.models.zoo import MODELS, SIZES
from uniscale.pipeline.steps import steps_until
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.recipe import Recipe

METRICS = ("auc", "gauc", "ndcg_at_10", "log_loss")
RATES = ((0.2, 1e-3), (0.4, 2e-3), (0.8, 4e-3))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="xs", choices=SIZES)
    parser.add_argument("--data", default="es3", choices=DATA)
    parser.add_argument("--models", nargs="+", default=sorted(MODELS), choices=sorted(MODELS))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        shop = Shop(Path(scratch) / "shop", size=arguments.size, train_days=6, days_after=1)
        shop.simulate()
        shop.build(steps_until("frames"))
        tried = [variant(name, arguments, rates, 0) for name in arguments.models for rates in RATES]
        development = run_all(run, [piece(shop, recipe) for recipe in tried])
        shop.ds += timedelta(days=1)
        shop.build(steps_until("frames"))
        best = {name: picked(development, name) for name in arguments.models}
        final = [
            variant(name, arguments, best[name], seed) for name in arguments.models for seed in range(arguments.seeds)
        ]
        trials = run_all(run, [piece(shop, recipe) for recipe in final])
    kept = {
        **record.begin("benchmarks.rankers.quality"),
        "size": arguments.size,
        "data": arguments.data,
        "epochs": arguments.epochs,
        "development": development,
        "trials": trials,
    }
    name = f"rankers_{arguments.size}_{arguments.data}"
    joined = join(record.stored(name, kept), kept)
    record.store(name, joined, page(joined))


def join(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """The record with the rankers of an earlier run that this one did not train.

    Raises:
        ValueError: The earlier run was on other rows or for other epochs, and this one has not all rankers.
    """
    ran = {trial["model"] for trial in now["trials"]}
    if before is None or ran == set(MODELS):
        return now
    same = [(one["epochs"], one["trials"][0]["num_rows"], one["trials"][0]["num_steps"]) for one in (before, now)]
    if same[0] != same[1]:
        raise ValueError(f"the record is of epochs, rows, steps {same[0]}, this run of {same[1]}; run all rankers")
    others = {
        part: [trial for trial in before[part] if trial["model"] not in ran] for part in ("development", "trials")
    }
    command = f"{before['command']}`, then `{now['command']}"
    return {**now, "command": command, **{part: others[part] + now[part] for part in others}}


def variant(name: str, arguments: argparse.Namespace, rates: tuple[float, float], seed: int) -> Recipe:
    """The recipe of a ranker with other rates."""
    base = get_recipe(f"{name}_{arguments.data}_{arguments.size}")
    train = replace(base.train, epochs=arguments.epochs, embedding_rate=rates[0], dense_rate=rates[1])
    return replace(base, train=train, seed_offset=seed)


def picked(trials: list[dict[str, Any]], name: str) -> tuple[float, float]:
    """The pair of rates with the best GAUC."""
    best = max((trial for trial in trials if trial["model"] == name), key=lambda trial: trial["gauc"])
    return best["embedding_rate"], best["dense_rate"]


def piece(shop: Shop, recipe: Recipe) -> tuple[dict[str, Any], date, Recipe]:
    """What a process is told."""
    return shop.settings.model_dump(mode="json"), shop.ds, recipe


def run(work: tuple[dict[str, Any], date, Recipe]) -> dict[str, Any]:
    """Train one variant and judge it on the day after."""
    from uniscale.models.cost import cost_of

    recipe, trial = work[2], train_and_judge(*work)
    trainer, cost = trial.trainer, cost_of(trial.trainer.model)
    return {
        "model": recipe.model,
        "embedding_rate": recipe.train.embedding_rate,
        "dense_rate": recipe.train.dense_rate,
        "seed": recipe.seed_offset,
        **{name: trial.metrics[name] for name in METRICS},
        "train_loss": trainer.curve[-1]["loss"],
        "num_rows": trainer.num_items,
        "num_steps": trainer.num_steps,
        "dense_params": cost.dense_params,
        "flops_per_item": cost.flops_per_item,
        "seconds": trial.seconds,
        "diagnostics": {name: value for name, value in trainer.curve[-1].items() if "." in name},
    }


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    trials = kept["trials"]
    lines = [
        f"# Rankers at size {kept['size']} on {kept['data']} data, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}. {trials[0]['num_rows']:,} rows, {kept['epochs']} epoch(s), "
        f"{trials[0]['num_steps']:,} steps for",
        "every ranker. Mean and standard error over seeds.",
        "",
        "| ranker | rates | AUC | GAUC | NDCG@10 | log loss | dense parameters | MFLOP/item |",
        "|---|---|---|---|---|---|---|---|",
    ]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for trial in trials:
        by_name.setdefault(trial["model"], []).append(trial)
    for name, found in sorted(by_name.items(), key=lambda entry: -mean(t["gauc"] for t in entry[1])):
        cells = " | ".join(cell([trial[metric] for trial in found]) for metric in METRICS)
        first = found[0]
        lines.append(
            f"| {name} | {first['embedding_rate']:g}, {first['dense_rate']:g} | {cells} | {first['dense_params']:,} | "
            f"{first['flops_per_item'] / 1e6:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
