"""`uniscale ingest`: map a data set to the event contract and land it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from uniscale.config import Settings, load_settings
from uniscale.console import err, exit_codes, parse_day, print_json
from uniscale.lake import Lake
from uniscale.lake.rehearsal import rehearsal
from uniscale.pipeline.locks import one_at_a_time

if TYPE_CHECKING:
    from uniscale.sources.report import IngestReport

_DATA_SETS = {
    "expedia": "the Expedia hotel searches (ICDM 2013): whole shown lists, clicks and bookings; train.csv, .gz or .zip",
    "complete-journey": "The Complete Journey: store purchases, display and mailer exposures, coupon campaigns",
    "kuaisar": "KuaiSAR (v2): searches and feed of a short-video app, shown lists, clicks and likes",
    "kuairand": "KuaiRand (Pure, 1K, 27K): feeds of a short-video app, partly random, one domain per tab",
    "diginetica": "Diginetica (CIKM Cup 2016): result lists, clicks, product views and purchases of a shop",
    "jdsearch": "JDsearch (SIGIR 2023): one labelled result list per user and a year of actions before it",
}
"""What the public data sets are, by name."""

_Json = Annotated[bool, typer.Option("--json", help="Print the counts as one JSON document.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and report, but land nothing.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    ingest = typer.Typer(help="Map a data set to the event contract, check it and land it.", no_args_is_help=True)
    app.add_typer(ingest, name="ingest")

    @ingest.command("events")
    def events_command(
        folder: Annotated[Path, typer.Argument(help="Folder with TABLE/ds=YYYY-MM-DD/*.parquet (or .csv, .csv.gz).")],
        *,
        first: Annotated[str | None, typer.Option("--from", help="First day to land, YYYY-MM-DD.")] = None,
        last: Annotated[str | None, typer.Option("--to", help="Last day to land, YYYY-MM-DD.")] = None,
        positions_from: Annotated[
            int | None, typer.Option(min=0, max=1, help="What the logs call the top of a list; default 1.")
        ] = None,
        dry_run: _DryRun = False,
        as_json: _Json = False,
    ) -> None:
        """Land logs that are in the event contract; the days they hold are replaced."""
        with exit_codes():
            from uniscale.sources.ingest import ingest_events

            span = [None if day is None else parse_day(day) for day in (first, last)]
            with _destination(dry_run) as (settings, lake):
                if positions_from is not None:
                    settings.source.positions_from = 1 if positions_from else 0
                _tell(ingest_events(settings, lake, folder, *span), dry_run, as_json)

    _register_ubi(ingest)
    for name, told in _DATA_SETS.items():
        _register_data_set(ingest, name, told)


def _register_ubi(ingest: typer.Typer) -> None:
    @ingest.command("ubi")
    def ubi_command(
        path: Annotated[Path, typer.Argument(help="Bulk file, or folder of the dumps ubi_queries and ubi_events.")],
        positions_from: Annotated[
            list[str] | None,
            typer.Option("--positions-from", help="APPLICATION=0 or =1: what it calls the top of a list; else found."),
        ] = None,
        actions: Annotated[
            list[str] | None,
            typer.Option("--action", help="NAME=impression, click, cart, favorite or purchase: what an event means."),
        ] = None,
        dry_run: _DryRun = False,
        as_json: _Json = False,
    ) -> None:
        """Land search logs in the standard of User Behavior Insights (OpenSearch)."""
        with exit_codes():
            from uniscale.sources.ubi import UbiMapping, ingest_ubi

            places = {name: _place(name, place) for name, place in _pairs("--positions-from", positions_from)}
            mapping = UbiMapping(positions_from=places, meanings=dict(_pairs("--action", actions)))
            with _destination(dry_run) as (settings, lake):
                _tell(ingest_ubi(settings, lake, path, mapping), dry_run, as_json)


def _pairs(option: str, values: list[str] | None) -> list[tuple[str, str]]:
    parts = [value.rpartition("=") for value in values or []]
    for name, _, value in parts:
        if not name:
            raise ValueError(f"{option} {value}: write it as NAME=VALUE")
    return [(name, value) for name, _, value in parts]


def _place(name: str, value: str) -> int:
    if value not in ("0", "1"):
        raise ValueError(f"--positions-from {name}={value}: positions count from 0 or 1")
    return int(value)


def _register_data_set(ingest: typer.Typer, name: str, told: str) -> None:
    @ingest.command(name, help=f"Land {told}.")
    def data_set_command(
        path: Annotated[Path, typer.Argument(help="Folder of the set's files, or the file if the set has only one.")],
        dry_run: _DryRun = False,
        as_json: _Json = False,
    ) -> None:
        with exit_codes():
            from uniscale.sources.public.adapters import ADAPTERS
            from uniscale.sources.public.data_set import ingest_data_set

            with _destination(dry_run) as (settings, lake):
                _tell(ingest_data_set(settings, lake, ADAPTERS[name], path), dry_run, as_json)


@contextmanager
def _destination(dry_run: bool) -> Iterator[tuple[Settings, Lake]]:
    """Settings and lake to land in, with nobody else at work, or to rehearse on."""
    settings = load_settings()
    if dry_run:
        with rehearsal(settings) as trial:
            yield trial
    else:
        with one_at_a_time(settings, "step"):
            yield settings, Lake(settings)


def _tell(report: IngestReport, dry_run: bool, as_json: bool) -> None:
    from uniscale.sources.gaps import GAPS

    if as_json:
        print_json({"dry_run": dry_run, **report.as_json()})
        return
    days = f"{len(report.days)} days, {report.days[0]}..{report.days[-1]}" if report.days else "no days"
    done = "dry run, nothing was landed; it would be" if dry_run else "ingested"
    table = Table(title=f"{done} {report.source}: {days}", title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, rows in report.rows.items():
        table.add_row(f"raw.{name}", f"{rows:,}")
    table.add_row("raw.quarantine", f"{report.num_quarantined:,}")
    err.print(table)
    if report.num_forgotten:
        err.print(f"  left out {report.num_forgotten:,} rows of forgotten users", highlight=False)
    for q in report.quarantined:
        err.print(f"  quarantined {q.rows:,}: {q.told}", markup=False, highlight=False)
    for name, number in report.gaps.items():
        if number:
            err.print(f"  {number:,} {GAPS[name]}", markup=False, highlight=False)
    for hint in report.hints:
        err.print(hint, markup=False, highlight=False)
