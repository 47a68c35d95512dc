"""`uniscale data`: the words for training data, and how much each holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from uniscale.cli.preconditions import require_frames
from uniscale.config import load_settings
from uniscale.config.calendar import train_days
from uniscale.console import exit_codes, out, parse_day, print_json

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("data")(data)


def data(
    ds: Annotated[str | None, typer.Argument(help="Day of a run: how much each holds on its training days.")] = None,
    as_json: Json = False,
) -> None:
    """List the data that recipes and sweeps can name; with a day also requests, rows and clicks of each."""
    with exit_codes():
        from uniscale.data.recipe import DATA

        amounts = {} if ds is None else _amounts(ds)
        if as_json:
            print_json({name: {**asdict(one), **amounts.get(name, {})} for name, one in DATA.items()})
            return
        table = Table(box=SIMPLE, padding=(0, 1), pad_edge=False)
        for column in ("data", "what it holds"):
            table.add_column(column)
        for column in next(iter(amounts.values()), {}):
            table.add_column(column, justify="right", no_wrap=True)
        base = amounts.get("exposed", {})
        for name, one in DATA.items():
            numbers = amounts.get(name, {})
            cells = [f"{value:,} (x{value / max(1, base[what]):.2f})" for what, value in numbers.items()]
            table.add_row(name, one.meaning, *cells)
        out.print(table)


def _amounts(ds: str) -> dict[str, dict[str, int]]:
    from uniscale.data.multiples import measure_data
    from uniscale.lake import Lake

    settings = load_settings()
    days = train_days(settings, parse_day(ds))
    require_frames(settings, days)
    found = measure_data(Lake(settings), days, target_domain=settings.target_domain)
    return {name: asdict(amount) for name, amount in found.items()}
