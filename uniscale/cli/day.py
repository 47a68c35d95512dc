"""`uniscale day` and `uniscale backfill`: whole days through the Airflow DAGs, without a scheduler."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.preconditions import require_recipes, require_requests
from uniscale.config import Settings, load_settings
from uniscale.console import err, exit_codes, parse_day
from uniscale.contracts.days import every_day
from uniscale.pipeline.airflow import airflow_environment, prepare_airflow
from uniscale.pipeline.locks import one_at_a_time
from uniscale.pipeline.processes import DIE_WITH_PARENT, die_with_parent
from uniscale.pipeline.progress import Change, changes
from uniscale.pipeline.steps import DAY_STEPS

DAGS = ("daily_retraining", "monitoring")
"""What makes up a day."""
_TITLES = {step.name: step.title for step in DAY_STEPS}


def run_day(settings: Settings, ds: date) -> None:
    """Run the DAGs of one day, showing its steps as they go; finished steps are not done again.

    Args:
        settings: The installation.
        ds: Last training day.

    Raises:
        ValueError: The day has no requests to train on, or to be judged on.
        RuntimeError: A step failed; the message is the step's own, and names the log.
    """
    require_recipes(settings)
    require_requests(settings, ds)
    with one_at_a_time(settings, "day", wait_seconds=0):
        prepare_airflow(settings)
        log = settings.home / "runs" / ds.isoformat() / "airflow.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        since = time.time()
        command = [sys.executable, "-m", "dags.parts.by_hand", ds.isoformat(), *DAGS]
        with log.open("ab") as sink:
            process = subprocess.Popen(
                command,
                cwd=PROJECT_ROOT,
                env={**airflow_environment(settings), DIE_WITH_PARENT: "1"},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
            try:
                seen = _watch(settings, ds, process, since)
            except BaseException:
                process.kill()
                process.wait()
                raise
        _judge(seen, process.returncode, log)


def _watch(settings: Settings, ds: date, process: subprocess.Popen[bytes], since: float) -> list[Change]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    told = 0
    with Progress(*columns, console=err, transient=True) as progress:
        bar = progress.add_task("Start Airflow", total=len(DAY_STEPS))
        while True:
            alive = process.poll() is None
            seen = changes(settings, ds, since)
            for change in seen[told:]:
                if change.state == "running":
                    progress.update(bar, description=_TITLES[change.step])
                else:
                    progress.console.print(_line(change), highlight=False)
                    progress.update(bar, advance=0 if change.state == "failed" else 1)
            told = len(seen)
            if any(change.state == "failed" for change in seen):
                process.kill()  # nobody waits for the scheduler's retries; the person runs the command again
                process.wait()
                return seen
            if not alive:
                return seen
            time.sleep(0.2)


def _line(change: Change) -> str:
    title = _TITLES[change.step]
    if change.state == "failed":
        return f"  [red]✗[/] {title}"
    if change.state == "was done":
        return f"  [dim]= {title:<44} was done in {change.seconds:6.1f} s[/]"
    return f"  [green]✓[/] {title:<44} {change.seconds:6.1f} s"


def _judge(seen: list[Change], code: int, log: Path) -> None:
    last = {change.step: change for change in seen}
    failed = [change for change in last.values() if change.state == "failed"]
    if failed:
        raise RuntimeError(
            f"{_TITLES[failed[0].step]}: {failed[0].message}. The log is {log}; run the same command to go on"
        )
    missing = [step.name for step in DAY_STEPS if step.name not in last]
    if code != 0 or missing:
        steps = ", ".join(missing) or "none"
        raise RuntimeError(f"the DAGs ended with exit code {code} and without steps {steps}; the log is {log}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("day")
    def day_command(ds: Annotated[str, typer.Argument(help="Last training day, YYYY-MM-DD.")]) -> None:
        """Run one daily retraining, end to end, and print its report card.

        The same command goes on after a failure or a kill: finished steps are not done again.
        """
        with exit_codes():
            from uniscale.cli.alerts import show_open
            from uniscale.cli.reports import show_day

            day = parse_day(ds)
            settings = load_settings()
            err.print(f"[bold]retraining[/] of {day}")
            run_day(settings, day)
            show_day(settings, day)
            show_open(settings)

    @app.command("backfill")
    def backfill_command(
        start: Annotated[str, typer.Argument(help="First day, YYYY-MM-DD.")],
        end: Annotated[str, typer.Argument(help="Last day, YYYY-MM-DD, inclusive.")],
    ) -> None:
        """Run several days in order; the same command goes on where it stopped."""
        with exit_codes():
            first, last = parse_day(start), parse_day(end)
            if last < first:
                raise ValueError(f"the last day {last} is before the first day {first}; swap them")
            settings = load_settings()
            days = every_day(first, last)
            require_requests(settings, *days)
            for day in days:
                err.print(f"[bold]retraining[/] of {day}")
                run_day(settings, day)
