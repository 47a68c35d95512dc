"""`uniscale quarantine`: the rows that were not landed, and why."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, out, parse_day, print_json
from uniscale.lake import Lake

if TYPE_CHECKING:
    from uniscale.sources.rejected import Rejected

_SHOWN = 20
_LONGEST_TEXT = 300
"""Characters of a row that the table shows; ``--json`` has all."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("quarantine")(quarantine)


def quarantine(
    ds: Annotated[
        str | None, typer.Argument(help="Day the rows would have landed on, YYYY-MM-DD; default all.")
    ] = None,
    table: Annotated[str | None, typer.Option("--table", help="Contract table the rows were meant for.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help=f"Show so many; default {_SHOWN}, with --json all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the rows that were not landed: file, row, column, what is wrong, and the row as it came."""
    with exit_codes():
        from uniscale.sources.rejected import rejected_rows

        day = None if ds is None else parse_day(ds)
        shown = limit if limit is not None or as_json else _SHOWN
        found = rejected_rows(Lake(load_settings()), day, table, shown)
        if as_json:
            print_json(asdict(found))
        else:
            _show(found)


def _show(found: Rejected) -> None:
    if not found.num_reasons:
        err.print("no such row is in the quarantine", highlight=False)
    else:
        err.print(f"{found.num_rows:,} rows in the quarantine", highlight=False)
    for place, reasons in groupby(found.reasons, key=lambda one: (one["table_name"], one["file"])):
        out.print(_of_file(*place, list(reasons)), soft_wrap=False)
    left = found.num_reasons - len(found.reasons)
    if left:
        err.print(f"and {left:,} more; --limit shows more of them, --json all", highlight=False)
    if found.num_undated:
        err.print(f"{found.num_undated:,} rows do not say their day; without DS they are shown too", highlight=False)


def _of_file(name: str, file: str, reasons: list[dict[str, Any]]) -> Table:
    """What is wrong in a file; a row with several faults is shown once."""
    title = escape(f"{file}, for raw.{name}")
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1), pad_edge=False, expand=True)
    table.add_column("row", justify="right", no_wrap=True)
    table.add_column("what is wrong", ratio=1)
    table.add_column("the row as it came", overflow="fold", ratio=2)
    before = None
    for one in reasons:
        number, text = one["row_number"], one["row_json"]
        shown = ("", "") if number == before else (f"{number:,}", _cut(text))
        table.add_row(shown[0], escape(f"{one['column_name']} {one['reason']}"), escape(shown[1]))
        before = number
    return table


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
