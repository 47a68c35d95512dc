"""`uniscale train, evaluate, promote, sweep`: the parts of a day that concern models, by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from uniscale.cli.preconditions import require_frames
from uniscale.config import load_settings
from uniscale.config.calendar import train_days
from uniscale.console import err, exit_codes, out, parse_day, print_json
from uniscale.contracts.days import every_day
from uniscale.pipeline.processes import EntryPointError, run_entry_point
from uniscale.pipeline.run import do_step

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Ds = Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)
    app.command("promote")(promote)
    app.command("sweep")(sweep)


def train(
    recipe: Annotated[str, typer.Option(help="Name of a recipe, say hhsft_es3_xs: ranker, data, size.")],
    first: Annotated[str, typer.Option("--from", help="First training day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last training day, YYYY-MM-DD.")],
    alias: Annotated[str | None, typer.Option(help="Give the version this alias: champion or challenger.")] = None,
    as_json: Json = False,
) -> None:
    """Train one recipe on given days and register the version; no alias is moved unless asked for."""
    with exit_codes():
        days = parse_day(first), parse_day(last)
        require_frames(load_settings(), _between(*days))
        arguments = ["--recipe", recipe, "--from", days[0].isoformat(), "--to", days[1].isoformat()]
        details = _run("ray_jobs.train", [*arguments, *([] if alias is None else ["--alias", alias])])
        if as_json:
            print_json(details)
            return
        model = details["model"]
        done = "was trained before" if model["reused"] else f"trained in {model['seconds']} s"
        out.print(f"{recipe} on {days[0]} to {days[1]}: version {model['version']}, {done}", highlight=False)


def _between(first: date, last: date) -> list[date]:
    if last < first:
        raise ValueError(f"--from {first} lies after --to {last}; give the earlier day first")
    return every_day(first, last)


def evaluate(ds: Ds, as_json: Json = False) -> None:
    """Judge champion and challenger of a day on the requests of the days after it."""
    _step("evaluate", ds, as_json)


def promote(ds: Ds, as_json: Json = False) -> None:
    """Decide whether the challenger of a day replaces the champion."""
    _step("promote", ds, as_json)


def sweep(
    ds: Ds,
    models: Annotated[str, typer.Option(help="Rankers, separated by commas; see uniscale rankers.")] = "hhsft",
    widths: Annotated[str, typer.Option(help="Sizes, separated by commas.")] = "xs,s",
    shares: Annotated[str, typer.Option(help="Shares of what the data add, in [0, 1], separated by commas.")] = "0,1",
    data: Annotated[str, typer.Option(help="Data recipes, separated by commas; see uniscale data.")] = "es3",
    *,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs; default as in the recipe of the size.")] = None,
    as_json: Json = False,
) -> None:
    """Train rankers in several sizes, on several data, and compare them on the days after DS (Ray Tune)."""
    with exit_codes():
        day, settings = parse_day(ds), load_settings()
        require_frames(settings, train_days(settings, day))
        kinds = ["--models", models, "--widths", widths, "--data", data, "--shares", shares]
        arguments = ["--ds", day.isoformat(), *kinds]
        details = _run("ray_jobs.tune", [*arguments, *([] if epochs is None else ["--epochs", str(epochs)])])
        if as_json:
            print_json(details)
            return
        out.print(_trials(details))
        out.print(f"table {details['table']}\nplot  {details['plot']}", highlight=False)


def _step(name: str, ds: str, as_json: bool) -> None:
    with exit_codes():
        entry, ran = do_step(name, parse_day(ds))
        details = json.loads(entry["details"])
        if as_json:
            print_json(details)
            return
        err.print(f"{name} of {ds}: {'done' if ran else 'was done'} in {entry['seconds']:.1f} s")
        _print_details(details)


def _print_details(details: Mapping[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    for name, value in details.items():
        table.add_row(name, value if isinstance(value, str) else json.dumps(value, default=str))
    out.print(table)


_TRIAL_COLUMNS = {
    "name": "trial",
    "num_params": "params",
    "num_rows": "rows",
    "num_steps": "steps",
    "passes": "passes",
    "auc": "AUC",
    "gauc": "GAUC",
    "hr_at_5": "HR@5",
    "seconds": "s",
}


def _trials(details: Mapping[str, Any]) -> Table:
    """The columns that fit a terminal; the CSV has all."""
    table = Table(title=f"{details['ds']}: ranker, data, size, share", box=SIMPLE, padding=0, pad_edge=False)
    for title in _TRIAL_COLUMNS.values():
        table.add_column(title, justify="left" if title == "trial" else "right", no_wrap=True)
    for trial in details["trials"]:
        table.add_row(*(_cell(name, trial[name]) for name in _TRIAL_COLUMNS))
    return table


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "seconds":
        return f"{value:.0f}"
    if name == "passes":
        return f"{value:.2f}"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _run(module: str, arguments: list[str]) -> dict[str, Any]:
    try:
        return run_entry_point(load_settings(), module, arguments)
    except EntryPointError as error:
        raise typer.Exit(2 if error.exit_code == 2 else 1) from error
