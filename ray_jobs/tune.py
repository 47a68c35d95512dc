"""Sweeps rankers, sizes, data and shares of them: ``python -m ray_jobs.tune --ds DS --widths xs,s --shares 0,1``.

Every trial is trained on the run's training days, judged on the days after DS, and logged as an MLflow run. A trial
whose result is there already, from an interrupted sweep, is not done again. The last line of standard output is a JSON
object; everything else goes to standard error.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ray_jobs.progress import Watched, shown
from ray_jobs.session import ray_session
from ray_jobs.trial import progress_file, read_result, run_trial, write_result
from uniscale.config import Settings, load_settings
from uniscale.config.calendar import train_days
from uniscale.console import err, exit_codes, parse_day
from uniscale.lake import Lake
from uniscale.whole_files import whole_file

if TYPE_CHECKING:
    from uniscale.recipes.job import TrainJob

COLUMNS = (
    "name",
    "model",
    "size",
    "data",
    "share",
    "num_params",
    "num_requests",
    "num_rows",
    "num_steps",
    "passes",
    "train_loss",
    "auc",
    "gauc",
    "hr_at_5",
    "ndcg_at_10",
    "log_loss",
    "gmv_proxy",
    "rows_per_second",
    "seconds",
)


def sweep(
    settings: Settings,
    ds: date,
    sizes: list[str],
    shares: list[float],
    *,
    epochs: int | None = None,
    models: list[str] | None = None,
    data: list[str] | None = None,
) -> dict[str, Any]:
    """Train and compare rankers over sizes, data and shares.

    Args:
        settings: The installation.
        ds: Last training day; its frames must be built.
        sizes: Sizes that have a recipe.
        shares: Shares of what the data add to the exposed rows, in [0, 1].
        epochs: Epochs of every trial; default as in the recipe of the size.
        models: Rankers of the zoo; default HHSFT.
        data: Data recipes; default es3.

    Returns:
        The day, one dict per trial, and the paths of the table and the plot.

    Raises:
        ValueError: Nothing to sweep, a ranker, size or data recipe is unknown, a share is out of range, or frames are
            missing.
        RuntimeError: A trial failed; the others are kept.
    """
    models, data = models or ["hhsft"], data or ["es3"]
    if not sizes or not shares:
        raise ValueError("a sweep needs at least one size and one share, for example --widths xs,s --shares 0,1")
    folder = settings.home / "sweeps" / ds.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    jobs = _plan(settings, ds, product(models, data, sizes), shares, epochs)
    waiting = [job for job in jobs if read_result(folder, job.key) is None]
    if waiting:
        _run(settings, ds, folder, waiting)
    results = {job.key: read_result(folder, job.key) for job in jobs}
    missing = [job.recipe.name for job in jobs if results[job.key] is None]
    if missing:
        raise RuntimeError(f"trials {', '.join(missing)} failed; see the messages above, then run the sweep again")
    trials = [_logged(settings, ds, folder, job, result) for job in jobs if (result := results[job.key]) is not None]
    table, plot = folder / "trials.csv", folder / "trials.png"
    _write_table(table, trials)
    _draw(plot, trials)
    return {"ds": ds.isoformat(), "trials": [_shown(t) for t in trials], "table": str(table), "plot": str(plot)}


def _plan(
    settings: Settings, ds: date, kinds: Iterable[tuple[str, str, str]], shares: list[float], epochs: int | None
) -> list[TrainJob]:
    from uniscale.recipes.catalogue import get_recipe
    from uniscale.recipes.job import plan_job

    lake, days = Lake(settings), train_days(settings, ds)
    jobs = []
    for model, data, size in kinds:
        base = get_recipe(f"{model}_{data}_{size}")
        train = base.train if epochs is None else replace(base.train, epochs=epochs)
        for share in shares:
            recipe = replace(
                base, name=f"{base.name} share {share:g}", data=replace(base.data, share=share), train=train
            )
            jobs.append(plan_job(settings, lake, recipe, days, "sweep"))
    return jobs


def _run(settings: Settings, ds: date, folder: Path, jobs: list[TrainJob]) -> None:
    """Run trials side by side, one core each."""
    at_once = min(len(jobs), os.cpu_count() or 1)
    err.print(f"sweep of {ds}: {len(jobs)} trials, {at_once} at a time (Ray Tune)")
    with ExitStack() as stack:
        files = [(progress_file(folder, job.key), job.recipe) for job in jobs]
        watched = [Watched(path=path, title=recipe.name) for path, recipe in files]
        stack.enter_context(shown(watched))
        stack.enter_context(ray_session(settings, at_once + 1))
        from ray import tune

        space = {
            "settings": settings.for_workers(),
            "ds": ds.isoformat(),
            "folder": str(folder),
            "job": tune.grid_search([job.content() for job in jobs]),
        }
        grid = tune.Tuner(
            tune.with_resources(run_trial, {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(max_concurrent_trials=at_once),
            run_config=tune.RunConfig(name=f"sweep-{os.getpid()}", storage_path=str(settings.home / "ray"), verbose=0),
        ).fit()
        for error in grid.errors:
            err.print(f"[red]trial failed:[/] {error}", highlight=False)


def _logged(settings: Settings, ds: date, folder: Path, job: TrainJob, result: dict[str, Any]) -> dict[str, Any]:
    """A trial's result, after making sure that MLflow has it."""
    from uniscale.registry.store import Registry

    if "run_id" not in result:
        metrics = {name: float(value) for name, value in result.items() if isinstance(value, (int, float))}
        params = {**job.recipe.content(), "snapshot_id": job.snapshot_id, "key": job.key}
        result["run_id"] = Registry(settings).log_trial(ds=ds, name=job.recipe.name, params=params, metrics=metrics)
        write_result(folder, job.key, result)
    return result


def _shown(trial: dict[str, Any]) -> dict[str, Any]:
    return {column: trial.get(column) for column in COLUMNS}


def _write_table(path: Path, trials: list[dict[str, Any]]) -> None:
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "run_id"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(trials)


def _draw(path: Path, trials: list[dict[str, Any]]) -> None:
    """AUC and GAUC over parameters, one line per ranker, data and share."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), ("auc", "gauc"), strict=True):
        for kind in sorted({_kind(trial) for trial in trials}):
            same = [trial for trial in trials if _kind(trial) == kind]
            chosen = [trial for trial in same if trial[metric] is not None]
            chosen.sort(key=lambda trial: trial["num_params"])
            sizes, values = [trial["num_params"] for trial in chosen], [trial[metric] for trial in chosen]
            axes.plot(sizes, values, marker="o", label=f"{kind[0]}, {kind[2]:.0%} of {kind[1]}")
        axes.set(xscale="log", xlabel="parameters", ylabel=metric.upper(), title=f"{metric.upper()}, native labels")
        axes.grid(alpha=0.3)
        axes.legend()
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, dpi=120)


def _kind(trial: dict[str, Any]) -> tuple[str, str, float]:
    return trial["model"], trial["data"], trial["share"]


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    ds: Annotated[str, typer.Option(help="Day of the run, YYYY-MM-DD.")],
    models: Annotated[str, typer.Option(help="Rankers, separated by commas.")] = "hhsft",
    widths: Annotated[str, typer.Option(help="Sizes, separated by commas.")] = "xs,s",
    shares: Annotated[str, typer.Option(help="Shares of the data's additions, separated by commas.")] = "0,1",
    *,
    data: Annotated[str, typer.Option(help="Data recipes, separated by commas.")] = "es3",
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of every trial.")] = None,
) -> None:
    """Sweep rankers over sizes, data and shares; the last line of output is a JSON object."""
    start = time.monotonic()
    with exit_codes():
        details = sweep(
            load_settings(),
            parse_day(ds),
            _words(widths),
            _numbers(shares),
            epochs=epochs,
            models=_words(models),
            data=_words(data),
        )
        print(json.dumps({**details, "seconds": round(time.monotonic() - start, 1)}, default=str))


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in _words(text)]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of numbers; write it like 0,0.5,1") from None


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    app()
