"""`uniscale features get` and `services`: what is known of an entity, and what there is to ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from uniscale.cli.preconditions import require_lake
from uniscale.config import load_settings
from uniscale.console import err, exit_codes, out, print_json

_SHOWN = 8  # elements of a list that are shown before "... of N"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        help="Features: build and serve those of the last day, push actions, look up.", no_args_is_help=True
    )
    app.add_typer(group, name="features")

    @group.command("get")
    def get_command(
        service: Annotated[str, typer.Option("--service", help="Feature service: uniscale features services.")],
        entity: Annotated[
            list[str],
            typer.Option("--entity", help="KEY=VALUE, for example item_id=i7; a key given twice asks for two rows."),
        ],
        as_of: Annotated[
            str | None, typer.Option("--as-of", help="UTC moment, 2026-01-07 or 2026-01-07T12:30; default online.")
        ] = None,
        leaky: Annotated[
            bool, typer.Option("--leaky", help="With --as-of: count corrections that became known later.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Features of a service for some entities: as they are served now, or with --as-of as known then."""
        with exit_codes():
            moment = None if as_of is None else _moment(as_of)
            entities = [_entity(text) for text in entity]
            settings = load_settings()
            if moment is not None:
                require_lake(settings)
            from uniscale.serving.get import get_features

            answer = get_features(settings, service, entities, as_of=moment, leaky=leaky)
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


def _entity(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise typer.BadParameter(
            f"{text!r} must be written as KEY=VALUE, for example item_id=i7", param_hint="--entity"
        )
    return key, value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a moment; write it as 2026-01-07 or 2026-01-07T12:30", param_hint="--as-of"
        ) from None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _show(answer: dict[str, Any]) -> None:
    of = "" if answer["generation"] is None else f", generation {answer['generation'][:12]}"
    out.print(f"as of {answer['as_of']} UTC{of}", highlight=False)
    for row in answer["rows"]:
        known = {name: value for name, value in row["features"].items() if value is not None}
        if not known:
            continue  # unknown: a sentence below says so
        title = ", ".join(f"{key} {value}" for key, value in row["entity"].items() if value is not None)
        table = Table("feature", "value", title=escape(title), title_justify="left")
        for name, value in row["features"].items():
            table.add_row(name, escape(_text(value)))
        out.print(table)
    for sentence in (*answer["unknown"], *filter(None, [answer["stale"]])):
        err.print(sentence, markup=False)


def _text(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(_text(element) for element in value[:_SHOWN])
        return shown if len(value) <= _SHOWN else f"{shown} ... of {len(value)}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)
