"""`uniscale features push`: tell the online store what users have just done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, print_json

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the command to the group `features`."""
    (group,) = (group.typer_instance for group in app.registered_groups if group.name == "features")
    assert group is not None

    @group.command("push")
    def push_command(
        file: Annotated[Path, typer.Argument(help="Actions: .parquet, .jsonl or .csv.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Push actions, so that the next look-up of their users knows them; pushing them again changes nothing.

        A row that is no action is refused alone, and the exit code is 2.
        """
        with exit_codes():
            from uniscale.features.online.push import push_actions

            result = push_actions(load_settings(), read_actions(file))
            if as_json:
                print_json(result)
            else:
                _tell(result)
            if result["refused"]:
                raise typer.Exit(2)


def read_actions(file: Path) -> pa.Table:
    """Actions of a file, as `uniscale.features.online.push_file.read_actions` reads them."""
    from uniscale.features.online import push_file

    return push_file.read_actions(file)


def _tell(result: dict[str, Any]) -> None:
    refused = result["refused"]
    err.print(
        f"{result['pushed']} pushed, {result['known_already']} known already, {result['too_old']} too old, "
        f"{len(refused)} refused",
        highlight=False,
    )
    for row in refused[:_SHOWN]:
        name = "" if row["action_id"] is None else f", action {row['action_id']!r},"
        err.print(f"  row {row['row']}{name} {row['reason']}", markup=False, highlight=False)
    if len(refused) > _SHOWN:
        err.print(f"  and {len(refused) - _SHOWN} more; --json shows all")
