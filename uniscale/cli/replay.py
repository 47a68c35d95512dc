"""`uniscale replay DS`: build a past day again from what it read, and compare."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, out, parse_day, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time

if TYPE_CHECKING:
    from uniscale.lineage.compare import Partition
    from uniscale.lineage.replay import Run

_NAME_WIDTH, _CELL_WIDTH = 26, 12


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("replay")
    def replay_command(
        ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")],
        any_code: Annotated[bool, typer.Option("--any-code", help="Replay though other code did the run.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Build the marts, samples and frames of a past run again from what it read, and compare every day of them.

        Settings and policy are those of the run. Nothing of the installation is changed. Exit code 1 if anything
        differs.
        """
        with exit_codes():
            from uniscale.lineage.replay import find_run, replay_run

            settings = load_settings()
            lake = Lake(settings)
            run = find_run(lake, parse_day(ds), any_code=any_code)
            with one_at_a_time(settings, "replay", wait_seconds=0), err.status("starting") as status:
                found = replay_run(settings, lake, run, status.update)
            if as_json:
                print_json(_document(run, found))
            else:
                _show(run, found)
            if not all(partition.is_same for partition in found):
                raise typer.Exit(1)


def _document(run: Run, found: list[Partition]) -> dict[str, object]:
    about = asdict(run)
    del about["inputs"]
    return {**about, "is_same": all(p.is_same for p in found), "partitions": [asdict(p) for p in found]}


def _show(run: Run, found: list[Partition]) -> None:
    out.print(f"run of {run.ds}: {', '.join(run.steps)}, from snapshot {run.read_at}", highlight=False)
    days = sorted({partition.ds for partition in found})
    for start in range(0, len(days), fitting := max(1, (out.width - _NAME_WIDTH) // _CELL_WIDTH)):
        out.print(_table(found, days[start : start + fitting]), soft_wrap=False)
    different = [partition for partition in found if not partition.is_same]
    for partition in different:
        out.print(
            f"{partition.table} of {partition.ds} differs: {partition.rows:,} rows replayed, "
            f"{partition.rows_held:,} held {partition.held}",
            highlight=False,
        )
        for key in partition.keys:
            out.print("  " + ", ".join(f"{n}={v}" for n, v in key.items()), highlight=False, markup=False)
    if not different:
        err.print(f"all {len(found)} partitions are the same", highlight=False)


def _table(found: list[Partition], days: list[date]) -> Table:
    """Tables by some of the days, as many as fit a terminal."""
    cells = {(partition.table, partition.ds): partition for partition in found}
    table = Table("table", box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for day in days:
        table.add_column(f"{day:%m-%d}", justify="right", no_wrap=True)
    for name in dict.fromkeys(partition.table for partition in found):
        table.add_row(name, *(_cell(cells.get((name, day))) for day in days))
    return table


def _cell(partition: Partition | None) -> str:
    if partition is None:
        return ""
    if partition.is_same:
        return f"[green]=[/] {partition.rows:,}"
    return f"[red]≠[/] {partition.rows:,}"
