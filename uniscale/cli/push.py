"""`uniscale features push`: tell the online store what users have just done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uniscale.cli.console import err, exit_codes, print_json
from uniscale.config import load_settings

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
        """Push actions, so that the next look-up of their users knows them; pushing them again changes nothing."""
        with exit_codes():
            from uniscale.features.online.push import push_actions

            result = push_actions(load_settings(), read_actions(file))
            if as_json:
                print_json(result)
                return
            refused = result["refused"]
            err.print(
                f"{result['pushed']} pushed, {result['known_already']} known already, {result['too_old']} too old, "
                f"{len(refused)} refused"
            )
            for row in refused[:_SHOWN]:
                err.print(f"action {row['action_id']!r} {row['reason']}", markup=False)
            if len(refused) > _SHOWN:
                err.print(f"and {len(refused) - _SHOWN} more; --json shows all")


def read_actions(file: Path) -> pa.Table:
    """Actions of a file; a moment that cannot be read is missing.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Its ending is unknown, it cannot be read, or it lacks a column.
    """
    import duckdb

    from uniscale.features.online.push import COLUMNS

    readers = {
        ".parquet": "read_parquet(?)",
        ".jsonl": "read_json_auto(?, format = 'newline_delimited')",
        ".csv": "read_csv(?, header = true, all_varchar = true)",
    }
    if file.suffix not in readers:
        raise ValueError(f"{file} must end in {', '.join(readers)}")
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist")
    moments = COLUMNS[5:]
    selected = ", ".join(
        f"try_cast({name} as timestamptz) as {name}" if name in moments else f"cast({name} as varchar) as {name}"
        for name in COLUMNS
    )
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        try:
            return con.execute(f"select {selected} from {readers[file.suffix]}", [str(file)]).to_arrow_table()
        except duckdb.Error as error:
            raise ValueError(f"{file} cannot be read as actions: {error}") from error
