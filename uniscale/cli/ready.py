"""`uniscale ready DS`: whether the logs that a run waits for have come."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from uniscale.config import load_settings
from uniscale.console import NOT_YET, err, exit_codes, parse_day
from uniscale.contracts.days import every_day
from uniscale.lake import Lake


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ready")(ready_command)


def ready_command(
    ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")],
    features: Annotated[bool, typer.Option("--features", help="Ask for the nightly features, which need DS only.")] = (
        False
    ),
) -> None:
    """Tell whether the logs of a day, and of the test days after it, have come; exit code 75 if not yet.

    Older days are not asked for: what never came is not waited for by every run that would have read it.
    """
    with exit_codes():
        from uniscale.sources.awaited import awaited

        day, settings = parse_day(ds), load_settings()
        last = day if features else day + timedelta(days=settings.window.eval_days)
        missing = awaited(settings, Lake(settings), every_day(day, last))
        if not missing:
            err.print(f"the logs of {day} to {last} are there", highlight=False)
            return
        err.print(f"not yet there: {', '.join(missing)}", highlight=False)
        raise typer.Exit(NOT_YET)
