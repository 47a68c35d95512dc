"""`uniscale step NAME DS`: the steps of a day, each done once for the same inputs and written into the ledger.

The Airflow DAG calls these; a person may call them by hand, in order.
"""

from __future__ import annotations

from typing import Annotated

import typer

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, parse_day, print_json
from uniscale.lake import Lake
from uniscale.pipeline.forced import ask_force
from uniscale.pipeline.locks import one_at_a_time
from uniscale.pipeline.run import do_step
from uniscale.pipeline.steps import DAY_STEPS, steps_until

_NAMES = ", ".join(step.name for step in DAY_STEPS)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("step")
    def step_command(
        name: Annotated[str, typer.Argument(help=f"One of: {_NAMES}.")],
        ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")],
        force: Annotated[bool, typer.Option("--force", help="Do all of it again.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the ledger entry as JSON.")] = False,
    ) -> None:
        """Run one step of a day; a finished step with the same inputs is not done again."""
        with exit_codes():
            day = parse_day(ds)
            entry, ran = do_step(name, day, force=force)
            if as_json:
                print_json(entry)
            else:
                err.print(f"{name} of {day}: {'done' if ran else 'was done'} in {entry['seconds']:.1f} s")

    @app.command("build")
    def build_command(
        ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")],
        force: Annotated[bool, typer.Option("--force", help="Do all of them again.")] = False,
    ) -> None:
        """Build exposures, attribution, features and ES3 samples of a day (steps land, marts and samples)."""
        with exit_codes():
            day, names, settings = parse_day(ds), steps_until("samples"), load_settings()
            if force:
                with one_at_a_time(settings, "step"):
                    ask_force(Lake(settings), day, names)
            for name in names:
                entry, ran = do_step(name, day, force=force)
                err.print(f"{name} of {day}: {'done' if ran else 'was done'} in {entry['seconds']:.1f} s")
