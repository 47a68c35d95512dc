"""`uniscale champion`: who serves, since when and why, and changing it by hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, out, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it is kept with the change.")]

_group = typer.Typer(no_args_is_help=True, help="Who serves, since when and why; set it, or go back to the one before.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(_group, name="champion")


@_group.command("list")
def list_command(as_json: Json = False) -> None:
    """List every change of the champion, newest first."""
    with exit_codes():
        from uniscale.decision.champion import champion_changes
        from uniscale.registry.store import Registry

        settings = load_settings()
        changes = champion_changes(Lake(settings))
        serving = Registry(settings).champion()
        if as_json:
            print_json({"serving": serving and serving.version, "changes": [asdict(change) for change in changes]})
            return
        if serving is None:
            out.print("no version serves yet; run: uniscale day DS")
            return
        out.print(f"version {serving.version} serves: {serving.name}, trained for {serving.ds}", highlight=False)
        if not changes or changes[0].version != serving.version:
            out.print("the alias was moved without a record, in MLflow itself say", highlight=False)
        table = Table("since (UTC)", "version", "instead of", "how", "reason", box=SIMPLE, pad_edge=False)
        for change in changes:
            how = change.how.replace("_", " ") + (f", run of {change.ds}" if change.ds else "")
            table.add_row(
                f"{change.changed_at:%Y-%m-%d %H:%M}", change.version, change.replaced or "-", how, change.reason
            )
        if changes:
            out.print(table)


@_group.command("set")
def set_command(
    version: Annotated[str, typer.Argument(help="Number of a registered version, or challenger.")], reason: Reason
) -> None:
    """Let a version serve; the decision of a later day may replace it."""
    with exit_codes():
        from uniscale.decision.champion import set_champion
        from uniscale.registry.store import Registry

        settings = load_settings()
        with one_at_a_time(settings, "step"):
            made = set_champion(Lake(settings), Registry(settings), version, _said(reason))
        err.print(f"version {made.version} serves: {made.name}, trained for {made.ds}", highlight=False)


@_group.command("rollback")
def rollback_command(reason: Reason) -> None:
    """Let the version serve that the present champion replaced."""
    with exit_codes():
        from uniscale.decision.champion import roll_back
        from uniscale.registry.store import Registry

        settings = load_settings()
        with one_at_a_time(settings, "step"):
            made = roll_back(Lake(settings), Registry(settings), _said(reason))
        err.print(f"version {made.version} serves again: {made.name}, trained for {made.ds}", highlight=False)


def _said(reason: str) -> str:
    if not reason.strip():
        raise ValueError("--reason is empty; say in a sentence why the champion changes")
    return reason.strip()
