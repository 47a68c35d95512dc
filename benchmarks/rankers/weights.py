"""What rows should weigh: ``python -m benchmarks.rankers.weights``.

One value of the ES3 policy is changed at a time: weights by provenance, unexposed rows per exposed row, what is done
with young days, whether attributed labels count by their lift. Each variant builds the samples of a simulated shop,
trains HHSFT on several seeds for the same number of steps, and is judged on the clicks of a development day and against
the shop's truth: the click probability of every candidate, free of position bias and of the old policy. Each run adds a
round to the month's record, and plots it.
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
from statistics import mean, stdev
from typing import Any

import yaml

from benchmarks.rankers.trials import run_all
from benchmarks.record import RECORDS
from benchmarks.shop import Shop
from uniscale.checkout import PROJECT_ROOT
from uniscale.config import Settings
from uniscale.config.calendar import eval_days, train_days
from uniscale.contracts.policy import load_policy
from uniscale.lake import Lake
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.job import TrainJob, plan_job

PLOT = PROJECT_ROOT / "docs" / "img" / "weights.png"
METRICS = ("gauc", "auc", "log_loss", "true_auc_exposed", "true_gauc")
AXES: dict[str, tuple[Any, ...]] = {
    "weights.unexposed": (0.0, 0.03, 0.1, 0.3, 1.0),
    "weights.synthetic": (0.0, 0.5, 1.0),
    "weights.attributed_unexposed": (0.3, 1.0),
    "weights.attributed_exposed": (0.3, 1.0),
    "unexposed.ratio": (2.0, 4.0),
    "maturity.young_days": ("keep", "weigh", "wait"),
    "attribution.weight": ("rule", "lift"),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="hhsft_es3_xs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--axes", nargs="+", choices=sorted(AXES), default=list(AXES))
    arguments = parser.parse_args()
    base = get_recipe(arguments.recipe)
    window_days = load_policy().attribution.window_days
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        # Days before the training days, so that a policy that waits has as many days to train on.
        shop = Shop(Path(scratch) / "shop", size=base.size, train_days=6, days_before=window_days)
        shop.simulate()
        shop.build(("land",))
        work = []
        for variant in variants(arguments.axes):
            shop.settings.policy = write_policy(Path(scratch), variant)
            shop.build(("marts", "samples", "frames"))
            for seed in range(arguments.seeds):
                recipe = replace(base, seed_offset=seed)
                days = train_days(shop.settings, shop.ds)
                job = plan_job(shop.settings, Lake(shop.settings), recipe, days, "study")
                work.append((shop.settings.model_dump(mode="json"), shop.ds, variant, seed, job))
        trials = run_all(run, work)
        world = shop.world()
    packaged = {axis: default(axis) for axis in AXES}
    command = " ".join(["python -m benchmarks.rankers.weights", *sys.argv[1:]])
    head = {"date": date.today().isoformat(), "command": command, "world": world}
    add_round({**head, "packaged": packaged, "trials": trials})


def default(axis: str) -> Any:
    """The packaged policy's value."""
    section, key = axis.split(".")
    return load_policy().model_dump(mode="json")[section][key]


def variants(axes: Sequence[str]) -> list[dict[str, Any]]:
    """The packaged policy (no change), then every other value of each axis."""
    changes = [{axis: value} for axis in axes for value in AXES[axis] if value != default(axis)]
    return [{}, *changes]


def write_policy(folder: Path, changes: Mapping[str, Any]) -> Path:
    """The packaged policy with some values changed, as a file."""
    document = load_policy().model_dump(mode="json")
    for axis, value in changes.items():
        section, key = axis.split(".")
        document[section][key] = value
    name = "-".join(f"{axis}-{value}" for axis, value in changes.items()) or "default"
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def run(work: tuple[dict[str, Any], date, dict[str, Any], int, TrainJob]) -> dict[str, Any]:
    """Train one variant and judge it on the day after."""
    from uniscale.evaluation.comparison import measure_roles
    from uniscale.evaluation.scoring import score_frames
    from uniscale.recipes.job import train_alone
    from uniscale.training.determinism import use_threads

    content, ds, changes, seed, job = work
    settings = Settings(**content)
    use_threads(1)
    start = time.perf_counter()
    trainer = train_alone(settings, job)
    lake, days = Lake(settings), eval_days(settings, ds)
    predictions = score_frames(trainer.model, lake, days, target_domain=settings.target_domain)
    settings.gate.num_resamples = 100
    with lake.read() as con:
        con.register("trial_predictions", predictions)
        found = measure_roles(con, settings, days, {"trial": "from trial_predictions"}).samples["trial"]
    return {
        "changes": changes,
        "seed": seed,
        **{name: found[name].value for name in METRICS},
        "steps": trainer.num_steps,
        "rows": trainer.num_items,
        "seconds": round(time.perf_counter() - start, 1),
    }


def add_round(found: dict[str, Any]) -> None:
    """Add a round to the record: JSON, tables that a person reads, and a plot."""
    RECORDS.mkdir(exist_ok=True)
    stem = RECORDS / f"weights_{found['date'][:7]}"
    file = stem.with_suffix(".json")
    rounds = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    rounds.append(found)
    file.write_text(json.dumps(rounds, indent=2) + "\n", encoding="utf-8")
    lines = [
        "# Weights of the ES3 policy",
        "",
        "Six training days, judged on the day after; mean and standard error over seeds. Differences to the packaged "
        "policy of the round are paired by seed.",
    ]
    for number, one in enumerate(rounds, start=1):
        packaged = ", ".join(f"{axis} = {value}" for axis, value in one["packaged"].items())
        lines += ["", f"## Round {number}, {one['date']}", "", f"`{one['command']}`. Packaged: {packaged}.", ""]
        lines += table(by_change(one["trials"]))
    text = "\n".join(lines) + "\n"
    stem.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)
    plot(rounds)


def table(groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """One line per change."""
    lines = [
        "| change | GAUC | difference | AUC | log loss | true AUC, shown rows | true GAUC, whole list | difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, trials in groups.items():
        cells = {metric: cell([trial[metric] for trial in trials]) for metric in METRICS}
        against = {metric: cell(differences(groups["packaged"], trials, metric), sign=True) for metric in METRICS}
        shown = (cells["gauc"], against["gauc"], cells["auc"], cells["log_loss"], cells["true_auc_exposed"])
        lines.append(f"| {name} | {' | '.join(shown)} | {cells['true_gauc']} | {against['true_gauc']} |")
    return lines


def by_change(trials: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Trials by what was changed, the packaged policy first, each by seed."""
    found: dict[str, list[Mapping[str, Any]]] = {"packaged": []}
    for trial in sorted(trials, key=lambda trial: (str(trial["changes"]), trial["seed"])):
        name = ", ".join(f"{axis} = {value}" for axis, value in trial["changes"].items()) or "packaged"
        found.setdefault(name, []).append(trial)
    return found


def differences(base: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]], metric: str) -> list[float]:
    """Trial minus base, seed by seed."""
    of_seed = {trial["seed"]: trial[metric] for trial in base}
    return [trial[metric] - of_seed[trial["seed"]] for trial in trials]


def cell(values: Sequence[float], *, sign: bool = False) -> str:
    """Mean and standard error."""
    shown = f"{mean(values):{'+' if sign else ''}.4f}"
    return shown if len(values) == 1 else f"{shown} ± {stdev(values) / len(values) ** 0.5:.4f}"


def plot(rounds: Sequence[Mapping[str, Any]]) -> None:
    """Differences to the packaged policy of each round, with standard errors."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = [
        (f"{name}  ({number})", groups["packaged"], trials)
        for number, groups in enumerate((by_change(one["trials"]) for one in rounds), start=1)
        for name, trials in groups.items()
        if name != "packaged"
    ]
    figure = Figure(figsize=(9, 1 + 0.32 * len(rows)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = ("GAUC, clicks on shown rows", "true GAUC, whole candidate list")
    for axes, metric, title in zip(panels, ("gauc", "true_gauc"), titles, strict=True):
        for place, (_, packaged, trials) in enumerate(rows):
            values = differences(packaged, trials, metric)
            error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0
            axes.errorbar(mean(values), place, xerr=error, fmt="o", color="#5b7db1", capsize=3)
        axes.axvline(0, color="#1f2933", linewidth=1)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("difference to the packaged policy", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(rows)), [name for name, _, _ in rows])
    panels[0].invert_yaxis()
    figure.savefig(PLOT, dpi=110)


if __name__ == "__main__":
    main()
