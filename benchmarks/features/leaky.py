"""What a leak would be worth: ``python -m benchmarks.features.leaky``.

The same simulated shop is built twice, each in a lake of its own: honest, where an action counts in a feature from the
moment at which it was recorded, and leaky, where it counts from the moment at which it was done, however late it became
known. A ranker that is trained on leaky features is judged twice: on leaky test features, which is what a careless
offline evaluation shows, and on honest ones, which is what serving would give it. Logs of two days after the test day
are landed too, so that nearly everything has become known by then. Writes the month's record.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.rankers.trials import run_all
from benchmarks.rankers.weights import cell
from benchmarks.record import RECORDS
from benchmarks.shop import Shop
from uniscale.config import Settings
from uniscale.config.calendar import eval_days, train_days
from uniscale.lake import Lake
from uniscale.pipeline.steps import steps_until
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.recipe import Recipe

METRICS = ("gauc", "auc", "log_loss")
ROWS = {
    ("honest", "honest"): "honest",
    ("leaky", "leaky"): "leaky, as evaluated offline",
    ("leaky", "honest"): "leaky, as served",
}
"""Features a ranker was trained on and judged on, and what that is."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=["hhsft_es3_xs", "dlrm_exposed_xs"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--leaky", action="store_true", help="Train on leaky features only; nothing is compared.")
    arguments = parser.parse_args()
    recipes = [get_recipe(name) for name in arguments.recipes]
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        shops = build(Path(scratch))
        arms = ["leaky"] if arguments.leaky else ["honest", "leaky"]
        content = {arm: shop.settings.model_dump(mode="json") for arm, shop in shops.items()}
        work = [
            (content, shops[arm].ds, arm, replace(recipe, seed_offset=seed))
            for recipe in recipes
            for arm in arms
            for seed in range(arguments.seeds)
        ]
        record = {
            "date": date.today().isoformat(),
            "command": " ".join(["python -m benchmarks.features.leaky", *sys.argv[1:]]),
            "differing": differing(shops),
            "trials": run_all(run, work),
        }
    write(record)


def build(folder: Path) -> dict[str, Shop]:
    """The shop with honest and with leaky features: the same logs, two lakes."""
    shops = {arm: Shop(folder / arm, size="xs", train_days=6, days_after=2) for arm in ("honest", "leaky")}
    shops["honest"].simulate()
    shops["leaky"].settings.source = shops["honest"].settings.source
    shops["leaky"].settings.features.leaky = True
    for shop in shops.values():
        shop.ingest()
        shop.build(steps_until("frames"))
    return shops


def differing(shops: Mapping[str, Shop]) -> dict[str, dict[str, float]]:
    """By split and feature, the share of values that are not the same in both lakes.

    Raises:
        ValueError: The lakes do not hold the same samples, so the arms would differ in more than their features.
    """
    import pyarrow as pa

    from uniscale.data.frames import read_frames
    from uniscale.serving.vectors import matches

    found = {}
    for split, days_of in (("train", train_days), ("eval", eval_days)):
        honest, leaky = (
            pa.Table.from_batches(read_frames(Lake(s.settings), days_of(s.settings, s.ds), split)).combine_chunks()
            for s in (shops["honest"], shops["leaky"])
        )
        same = ["sample_id", "item_ids", "provenance", "is_clicked", "is_carted", "is_purchased", "label_weight"]
        if not honest.select(same).equals(leaky.select(same)):
            raise ValueError(f"the {split} samples differ between the honest and the leaky lake, not only the features")
        found[split] = {name: float(1 - flags.mean()) for name, flags in matches(honest, leaky).items()}
    return found


def run(work: tuple[dict[str, dict[str, Any]], date, str, Recipe]) -> dict[str, Any]:
    """Train on the features of one arm, and judge on the day after: on its own test features, and on honest ones."""
    from uniscale.evaluation.trial import judge_trial
    from uniscale.recipes.job import plan_job, train_alone
    from uniscale.training.determinism import use_threads

    content, ds, arm, recipe = work
    settings = {name: Settings(**values) for name, values in content.items()}
    use_threads(1)
    start = time.perf_counter()
    job = plan_job(settings[arm], Lake(settings[arm]), recipe, train_days(settings[arm], ds), "study")
    trainer = train_alone(settings[arm], job)
    judged = {name: judge_trial(settings[name], trainer.model, ds) for name in dict.fromkeys((arm, "honest"))}
    return {
        "recipe": recipe.name,
        "seed": recipe.seed_offset,
        "trained_on": arm,
        "judged_on": {name: {metric: found[metric] for metric in METRICS} for name, found in judged.items()},
        "seconds": round(time.perf_counter() - start, 1),
    }


def write(record: dict[str, Any]) -> None:
    """Store the record as JSON, and as tables that a person reads."""
    RECORDS.mkdir(exist_ok=True)
    stem = RECORDS / f"leaky_{record['date'][:7]}"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    lines = [
        f"# What a leak would be worth, {record['date']}",
        "",
        f"`{record['command']}`. Size xs, six training days, judged on the clicks of the seventh; mean and standard "
        "error over seeds. Differences to the honest ranker are paired by seed.",
        "",
        "| recipe | features | seeds | GAUC | difference | AUC | difference | log loss |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for recipe in sorted({trial["recipe"] for trial in record["trials"]}):
        values = {row: by_seed(record["trials"], recipe, *row) for row in ROWS}
        honest = values["honest", "honest"]
        for row, found in values.items():
            if found:
                lines.append(f"| {recipe} | {ROWS[row]} | {len(found)} | {' | '.join(cells(found, honest))} |")
    splits = record["differing"]
    shown = sorted(splits["eval"].items(), key=lambda item: (-item[1], item[0]))
    lines += [
        "",
        "Values that differ between the leaky and the honest features of the same rows. A rate differs wherever the "
        "mean does that it is smoothed to, if only in its last digits; a history differs if one of its actions does.",
        "",
        "| feature | training days | test day |",
        "|---|---|---|",
        *(f"| {name} | {splits['train'][name]:.2%} | {share:.2%} |" for name, share in shown if share),
        "",
        f"The other {sum(not share for _, share in shown)} features are the same on the test day.",
    ]
    text = "\n".join(lines) + "\n"
    stem.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def by_seed(trials: Sequence[Mapping[str, Any]], recipe: str, trained: str, judged: str) -> dict[int, dict[str, float]]:
    """Metrics of a row of the table."""
    return {
        trial["seed"]: trial["judged_on"][judged]
        for trial in trials
        if (trial["recipe"], trial["trained_on"]) == (recipe, trained) and judged in trial["judged_on"]
    }


def cells(found: Mapping[int, Mapping[str, float]], honest: Mapping[int, Mapping[str, float]]) -> list[str]:
    """Metrics of a row, with differences to the honest row where there is one."""
    shown = []
    for metric in METRICS:
        shown.append(cell([values[metric] for values in found.values()]))
        if metric != "log_loss":
            against = [found[seed][metric] - honest[seed][metric] for seed in found if seed in honest]
            shown.append(cell(against, sign=True) if against and found is not honest else "")
    return shown


if __name__ == "__main__":
    main()
