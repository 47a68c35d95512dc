"""`uniscale unland`: take landed days or a landed data set out of the lake again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from uniscale.cli.lost import lost_files
from uniscale.config import Settings, load_settings
from uniscale.console import err, exit_codes, parse_day, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time

if TYPE_CHECKING:
    from uniscale.sources.unland import Removal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("unland")(unland)


def unland(
    first: Annotated[str | None, typer.Argument(help="Day to take out, YYYY-MM-DD.")] = None,
    last: Annotated[str | None, typer.Argument(help="Take out all days from the first to this one.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Take out all days of this source instead: events, kuaisar, ...")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document; needs --yes.")] = False,
) -> None:
    """Take landed days out of the lake: their rows, their quarantined rows, and what was built for these days.

    What goes is counted and shown first. Snapshots before still have it, until uniscale maintain drops them; the logs
    themselves are not touched, and can be landed again. A day of which files are lost can be taken out all the same.
    """
    with exit_codes():
        from uniscale.sources import unland as work

        if as_json and not yes:
            raise ValueError("--json does not ask; say --yes with it if you are sure")
        settings = load_settings()
        lake = Lake(settings)
        found = _find(lake, first, last, source)
        if not as_json:
            _show(found)
        if not yes:
            typer.confirm("Take this out of the lake?", abort=True, err=True)
        with one_at_a_time(settings, "day", wait_seconds=0), one_at_a_time(settings, "step"):
            gone = work.unland(settings, lake, found)
        hints = _hints(settings)
        if as_json:
            print_json(
                {
                    **{"days": gone.days, "source": gone.source, "rows": gone.rows},
                    "lost_files": [fault.file.path for part in gone.lost for fault in part.faults],
                    "hints": hints,
                }
            )
            return
        err.print(f"took out {sum(gone.rows.values()):,} rows of {_days(gone)}", highlight=False)
        for hint in hints:
            err.print(hint, highlight=False, markup=False)


def _find(lake: Lake, first: str | None, last: str | None, source: str | None) -> Removal:
    from uniscale.sources.unland import find_days, find_source

    if (first is None) == (source is None):
        raise ValueError(
            "name either days (uniscale unland FIRST [LAST]) or a source (uniscale unland --source events)"
        )
    if source is not None:
        return find_source(lake, source)
    assert first is not None
    start, end = parse_day(first), parse_day(last or first)
    if end < start:
        raise ValueError(f"the last day {end} is before the first day {start}; swap them")
    return find_days(lake, start, end)


def _show(found: Removal) -> None:
    whose = "" if found.source is None else f"{found.source}: "
    table = Table("table", title=f"to be taken out: {whose}{_days(found)}", title_justify="left")
    table.add_column("rows", justify="right")
    for name, rows in found.rows.items():
        table.add_row(name, f"{rows:,}")
    err.print(table)
    for part in found.lost:
        err.print(f"lost: {lost_files(part.faults)}", highlight=False, markup=False)


def _days(removal: Removal) -> str:
    first, last = removal.days[0], removal.days[-1]
    return str(first) if first == last else f"{len(removal.days)} days, {first}..{last}"


def _hints(settings: Settings) -> list[str]:
    if settings.source.events_dir is None:
        return []
    return [
        f"the next run lands these days again if their logs are still in source.events_dir={settings.source.events_dir}"
    ]
