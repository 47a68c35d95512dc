"""`uniscale poison-check DS`: whether what other domains add to the samples helps search."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from uniscale.cli.preconditions import require_frames
from uniscale.config import load_settings
from uniscale.config.calendar import train_days
from uniscale.console import err, exit_codes, out, parse_day, print_json
from uniscale.lake import Lake


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("poison-check")(poison_command)


def poison_command(
    ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD; its frames must be built.")],
    seeds: Annotated[int, typer.Option(min=1, help="Seeds per arm.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train the challenger's recipe with and without what comes from other domains, and compare them on the test day.

    Exit code 1 if something certainly harms search: its whole interval lies below zero.
    """
    with exit_codes():
        day, settings = parse_day(ds), load_settings()
        require_frames(settings, train_days(settings, day))
        from uniscale.recipes.poison import check_poison

        found = check_poison(settings, Lake(settings), day, seeds, lambda line: err.print(line, highlight=False))
        if as_json:
            print_json([asdict(one) for one in found])
        else:
            table = Table("added", f"{found[0].metric} with minus without", "interval", "by seed")
            for one in found:
                low, high = one.difference.low, one.difference.high
                interval = "undefined" if low is None or high is None else f"{low:+.4f} to {high:+.4f}"
                table.add_row(one.kind, _signed(one.difference.value), interval, ", ".join(map(_signed, one.by_seed)))
            out.print(table)
        if harmful := [one.kind for one in found if one.is_harmful]:
            raise RuntimeError(
                f"{' and '.join(harmful)} of {day} made search worse. See which domain drifted (the page of the day), "
                "and lower its weight or leave it out of the policy"
            )


def _signed(value: float | None) -> str:
    return "undefined" if value is None else f"{value:+.4f}"
