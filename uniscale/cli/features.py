"""`uniscale features`: point-in-time and online look-ups."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from uniscale.cli.console import err, exit_codes, out, print_json
from uniscale.config import load_settings

_SHOWN = 8  # elements of a list that are shown before "... of N"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Look features up: online, or as they were known at a moment.", no_args_is_help=True)
    app.add_typer(group, name="features")

    @group.command("get")
    def get_command(
        user: Annotated[str | None, typer.Option("--user", help="User.")] = None,
        item: Annotated[list[str] | None, typer.Option("--item", help="Item; may be given several times.")] = None,
        query: Annotated[str | None, typer.Option("--query", help="Query text.")] = None,
        as_of: Annotated[
            str | None, typer.Option("--as-of", help="UTC moment, 2026-01-07 or 2026-01-07T12:30; default online.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Features of a user, items and a query: from the online store, or with --as-of point-in-time from the lake."""
        with exit_codes():
            answer = _look_up(user, item or [], query, None if as_of is None else _moment(as_of))
            if as_json:
                print_json(answer)
            else:
                _show(answer)

    @group.command("services")
    def services_command(
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """The feature services, their views and features."""
        with exit_codes():
            from uniscale.features.repo import list_services

            services = list_services(load_settings())
            if as_json:
                print_json(services)
                return
            for service in services:
                table = Table("view", "key", "features", title=f"{service['name']}: {service['description']}")
                for view in service["views"]:
                    table.add_row(view["name"], ", ".join(view["keys"]), ", ".join(view["features"]))
                out.print(table)


def _look_up(user: str | None, items: list[str], query: str | None, as_of: datetime | None) -> dict[str, Any]:
    settings = load_settings()
    if as_of is None:
        from uniscale.features.online import look_up

        return look_up(settings, user=user, item=items, query=query)
    from uniscale.features.lookup import look_up_at

    return look_up_at(settings, as_of, user=user, item=items, query=query)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a moment; write it as 2026-01-07 or 2026-01-07T12:30", param_hint="--as-of"
        ) from None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _show(answer: dict[str, Any]) -> None:
    out.print(f"as of {answer['as_of']} UTC")
    parts = {"user": answer["user"], "query": answer["query"]}
    parts |= {f"item {name}": features for name, features in answer["items"].items()}
    for title, features in parts.items():
        if features is None or all(value is None for value in features.values()):
            continue  # not asked for, or unknown: a sentence below says so
        table = Table("feature", "value", title=escape(title), title_justify="left")
        for name, value in features.items():
            table.add_row(name, escape(_text(value)))
        out.print(table)
    for sentence in answer["unknown"]:
        err.print(sentence, markup=False)


def _text(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(str(element) for element in value[:_SHOWN])
        return shown if len(value) <= _SHOWN else f"{shown} ... of {len(value)}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)
