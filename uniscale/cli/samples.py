"""`uniscale samples`: a few sample identifiers of a day, for `uniscale lineage`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, out, parse_day, print_json
from uniscale.lake import Lake


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("samples")(samples)


def samples(
    ds: Annotated[str, typer.Argument(help="Day of the samples, YYYY-MM-DD.")],
    each: Annotated[int, typer.Option(min=1, help="Identifiers of each kind.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Name a few samples of a day by provenance of the items and tier of the query; see them with uniscale lineage."""
    with exit_codes():
        from uniscale.lineage.sampled import some_samples

        day = parse_day(ds)
        found = some_samples(Lake(load_settings()), day, each)
        if as_json:
            print_json({"ds": day, "kinds": found})
            return
        out.print(_table(f"samples of {day}", found), soft_wrap=False)
        err.print(f"follow one: uniscale lineage {found[0]['sample_ids'][0]} --ds {day}", highlight=False, markup=False)


def _table(title: str, found: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1), pad_edge=False)
    table.add_column("query")
    table.add_column("provenance", no_wrap=True)
    table.add_column("samples", justify="right")
    table.add_column("for example", no_wrap=True)
    for kind in found:
        ids = escape("\n".join(kind["sample_ids"]))
        query = f"{kind['query_tier']} {kind['query']}"
        table.add_row(query, kind["provenance"], f"{kind['num_samples']:,}", ids)
    return table
