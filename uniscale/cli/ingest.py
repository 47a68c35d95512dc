"""`uniscale ingest`: map a data set to the event contract and land it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from uniscale.cli.console import err, exit_codes, parse_day, print_json
from uniscale.config import load_settings
from uniscale.lake import Lake

if TYPE_CHECKING:
    from uniscale.sources.ingest import IngestReport

_Json = Annotated[bool, typer.Option("--json", help="Print the counts as one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    ingest = typer.Typer(help="Map a data set to the event contract, check it and land it.", no_args_is_help=True)
    app.add_typer(ingest, name="ingest")

    @ingest.command("events")
    def events_command(
        folder: Annotated[Path, typer.Argument(help="Folder with TABLE/ds=YYYY-MM-DD/*.parquet (or .csv, .csv.gz).")],
        first: Annotated[str | None, typer.Option("--from", help="First day to land, YYYY-MM-DD.")] = None,
        last: Annotated[str | None, typer.Option("--to", help="Last day to land, YYYY-MM-DD.")] = None,
        as_json: _Json = False,
    ) -> None:
        """Land logs that are in the event contract; the days they hold are replaced."""
        with exit_codes():
            from uniscale.sources.ingest import ingest_events

            settings = load_settings()
            span = [None if day is None else parse_day(day) for day in (first, last)]
            _tell(ingest_events(settings, Lake(settings), folder, *span), as_json)

    @ingest.command("expedia")
    def expedia_command(
        path: Annotated[Path, typer.Argument(help="searches.csv.gz of the set, or its folder.")],
        as_json: _Json = False,
    ) -> None:
        """Land the Expedia hotel searches (ICDM 2013): search domain, whole shown lists, clicks and bookings."""
        with exit_codes():
            from uniscale.sources.expedia import ingest_expedia

            settings = load_settings()
            _tell(ingest_expedia(settings, Lake(settings), path), as_json)

    @ingest.command("complete-journey")
    def complete_journey_command(
        path: Annotated[Path, typer.Argument(help="Folder of the Complete Journey Parquet files.")],
        as_json: _Json = False,
    ) -> None:
        """Land The Complete Journey: store purchases, display and mailer exposures, coupon campaigns."""
        with exit_codes():
            from uniscale.sources.complete_journey import ingest_complete_journey

            settings = load_settings()
            _tell(ingest_complete_journey(settings, Lake(settings), path), as_json)


def _tell(report: IngestReport, as_json: bool) -> None:
    if as_json:
        print_json(report.as_json())
        return
    days = f"{len(report.days)} days, {report.days[0]}..{report.days[-1]}" if report.days else "no days"
    table = Table(title=f"ingested {report.source}: {days}", title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, rows in report.rows.items():
        table.add_row(f"raw.{name}", f"{rows:,}")
    table.add_row("raw.quarantine", f"{report.num_quarantined:,}")
    err.print(table)
    if report.num_forgotten:
        err.print(f"  left out {report.num_forgotten:,} rows of forgotten users", highlight=False)
    for q in report.quarantined:
        what = " ".join(part for part in (q.table, q.column, q.reason) if part)
        err.print(f"  quarantined {q.rows:,}: {what}", markup=False, highlight=False)
    for hint in report.hints:
        err.print(hint, markup=False, highlight=False)
