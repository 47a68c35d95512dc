"""`uniscale sql`: ask the lake, without a way to change it."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, out
from uniscale.lake import Lake

if TYPE_CHECKING:
    import duckdb

_SHOWN = 50
_AT_ONCE = 1_000
_WIDEST = 40
"""Characters of a value up to which columns stand side by side."""

Row = Sequence[Any]


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sql")(sql)


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.")],
    form: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.table,
    limit: Annotated[int | None, typer.Option(min=1, help=f"Print so many rows; default {_SHOWN} in a table.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Run one SELECT on the lake and print its rows; nothing can be changed.

    uniscale sql "show all tables" lists the tables, uniscale sql "describe raw.requests" the columns of one, and
    uniscale sql "from lake.snapshots()" the lake's history; "from raw.requests at (version => 7)" reads the past.
    Times are UTC.
    """
    with exit_codes():
        from uniscale.lake.ad_hoc import answer

        text = sys.stdin.read() if query == "-" else query
        with answer(Lake(load_settings()), text) as con:
            names = [column[0] for column in con.description or ()]
            rows = _rows(con)
            if as_json or form is Format.json:
                _write_json(_distinct(names), islice(rows, limit))
            elif form is Format.csv:
                _write_csv(names, islice(rows, limit))
            else:
                _show(names, rows, limit or _SHOWN)
            sys.stdout.flush()


def _rows(con: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    while some := con.fetchmany(_AT_ONCE):
        yield from some


def _distinct(names: Sequence[str]) -> list[str]:
    """A JSON object has every name once: a repeated one gets a number."""
    found: list[str] = []
    for name in names:
        number, given = 1, name
        while given in found:
            given, number = f"{name}_{number}", number + 1
        found.append(given)
    return found


def _write_json(names: Sequence[str], rows: Iterator[Row]) -> None:
    before = "["
    for row in rows:
        document = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        sys.stdout.write(f"{before}\n  {json.dumps(document)}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def _write_csv(names: Sequence[str], rows: Iterator[Row]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(value) for value in row] for row in rows)


def _show(names: Sequence[str], rows: Iterator[Row], limit: int) -> None:
    shown = [[_printable(_text(value, null="-")) for value in row] for row in islice(rows, limit)]
    widths = [max(len(text) for text in column) for column in zip(names, *shown, strict=True)]
    if all(width <= _WIDEST for width in widths) and sum(widths) + 3 * len(widths) < out.width:
        table = Table(*map(escape, names))
        for row in shown:
            table.add_row(*map(escape, row))
        out.print(table, soft_wrap=False)
    else:
        for number, row in enumerate(shown, start=1):
            table = Table("column", "value", title=f"row {number}", title_justify="left")
            for name, text in zip(names, row, strict=True):
                table.add_row(escape(name), escape(text))
            out.print(table, soft_wrap=False)
    more = next(rows, None) is not None
    tail = "; there are more: --limit N shows N, --format csv or json all" if more else ""
    err.print(f"{len(shown):,} rows{tail}", highlight=False)


def _printable(text: str) -> str:
    """Line ends and escape sequences of a log as they are written, not as a terminal acts on them."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _text(value: Any, null: str = "") -> str:
    if value is None:
        return null
    return json.dumps(_plain(value)) if isinstance(value, list | tuple | dict | bool) else str(_plain(value))


def _plain(value: Any) -> Any:
    """A value as JSON has it: moments, days and other kinds as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.hex() if isinstance(value, bytes) else str(value)
