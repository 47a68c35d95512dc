"""`uniscale repair`: let go of what the lake lost and can make again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from uniscale.cli.lost import lost_files
from uniscale.config import load_settings
from uniscale.console import err, exit_codes, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("repair")(repair_command)


def repair_command(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document; needs --yes.")] = False,
) -> None:
    """Take out days of derived tables of which files are lost, so that the next run builds them again.

    Days of the log are taken out by uniscale unland and landed again. Exit code 1 if files of such are lost.
    """
    with exit_codes():
        from uniscale.lake.lost import find_lost
        from uniscale.pipeline.repair import can_be_made_again, repair

        if as_json and not yes:
            raise ValueError("--json does not ask; say --yes with it if you are sure")
        settings = load_settings()
        lake = Lake(settings)
        with lake.read() as con:
            parts = find_lost(lake, con)
        found = [part for part in parts if can_be_made_again(part)]
        others = [part.name for part in parts if part not in found]
        if found and not as_json:
            table = Table("table", "day", "lost", title="to be taken out", title_justify="left")
            for part in found:
                table.add_row(part.table, str(part.day or ""), lost_files(part.faults))
            err.print(table)
        if found and not yes:
            typer.confirm("Take this out of the lake?", abort=True, err=True)
        if found:
            with one_at_a_time(settings, "day", wait_seconds=0), one_at_a_time(settings, "step"):
                repair(lake, found, settings.window.eval_days)
        if as_json:
            print_json({"taken_out": [part.name for part in found], "left": others})
        else:
            hint = "; the next run of a day that reads them makes them again" if found else ""
            err.print(f"took out {len(found)} lost parts{hint}", highlight=False)
            for name in others:
                err.print(f"{name} is lost too; uniscale doctor says what to do", highlight=False)
        if others:
            raise typer.Exit(1)
