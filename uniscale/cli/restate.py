"""`uniscale restate DS`: labels become final when their window has closed."""

from __future__ import annotations

from typing import Annotated

import typer

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, parse_day, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("restate")(restate_command)


def restate_command(
    ds: Annotated[str, typer.Argument(help="The day that has ended, YYYY-MM-DD.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Build the final labels of days whose attribution window closed by a day; what is up to date is not built again.

    Exposures and attributions of the four weeks before are looked at too. Samples follow with the next run that trains
    on the day.
    """
    with exit_codes():
        from uniscale.warehouse.restated import restate

        day, settings = parse_day(ds), load_settings()
        with one_at_a_time(settings, "step"):
            found = restate(settings, Lake(settings), day)
        if as_json:
            print_json(found)
        elif found["first"] is None:
            err.print(f"no day is old enough by {day} to have final labels", highlight=False)
        else:
            err.print(f"{found['restated']} of {found['first']}..{found['last']} restated", highlight=False)
