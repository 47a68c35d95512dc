"""`uniscale forget`: remove a user from the installation, for good."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from uniscale.config import Settings, load_settings
from uniscale.console import err, exit_codes, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("forget")
    def forget_command(
        user: Annotated[str, typer.Argument(help="Identifier of the user.")],
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document; needs --yes.")] = False,
    ) -> None:
        """Remove a user from the lake, its files and the online store, and keep them out when logs are landed again.

        All snapshots but the newest go too: no day before can be replayed afterwards. Killed at any moment, the same
        command finishes.
        """
        with exit_codes():
            if as_json and not yes:
                raise ValueError("--json does not ask; say --yes with it if you are sure")
            settings = load_settings()
            if not yes:
                _confirm(settings, user)
            with one_at_a_time(settings, "day", wait_seconds=0), one_at_a_time(settings, "step"):
                found = _forget(settings, user)
            if as_json:
                print_json(found)
            else:
                _tell(found)


def _confirm(settings: Settings, user: str) -> None:
    from uniscale.lineage.user import user_lineage

    found = user_lineage(settings, Lake(settings), user)
    rows = sum(sum(days.values()) for days in found["tables"].values())
    err.print(
        f"{rows:,} rows in {len(found['tables'])} tables belong to user {escape(user)}. They will be deleted from "
        "every file of the lake. All snapshots but the newest are dropped with them: no past day can be replayed, and "
        "no model's training data read again.",
        highlight=False,
    )
    typer.confirm("This cannot be undone. Go on?", abort=True, err=True)


def _forget(settings: Settings, user: str) -> dict[str, Any]:
    from uniscale.lineage.forget import forget_user
    from uniscale.lineage.remains import files_that_name

    lake = Lake(settings)
    with err.status("looking for the user") as status:
        found = forget_user(settings, lake, user, status.update)
        left = files_that_name(settings, user)
    hints = []
    if lake.catalog.startswith("postgres:"):
        hints.append("run VACUUM FULL on the tables ducklake_* of the catalogue: PostgreSQL keeps dead rows until then")
    if found["young_files"]:
        hints.append(
            f"{found['young_files']} files of the lake belong to no snapshot and are younger than a day: if their "
            "writers were killed, they may name the user; run uniscale maintain tomorrow, which deletes them"
        )
    return {"user": user, **found, "files_left": [str(path) for path in left], "hints": hints}


def _tell(found: dict[str, Any]) -> None:
    if found["was_forgotten"]:
        err.print("was forgotten before; nothing of the user is left in the lake or online")
    else:
        rows = sum(found["rows"].values())
        err.print(
            f"deleted {rows:,} rows of {len(found['rows'])} tables, {found['online']} online entities, "
            f"{found['served']} logged answers"
        )
        err.print("the lake's past is gone: replay and training data of earlier snapshots cannot be read any more")
    for model in found["models"]["trained"]:
        name = f"version {model['version']} ({model['name']}{', champion' if model['is_champion'] else ''})"
        days = f"{model['days'][0]}..{model['days'][-1]}"
        err.print(f"{name} was trained on samples of the user ({days}); retrain it", highlight=False)
    for model in found["models"]["unknown"]:
        err.print(f"version {model['version']} ({model['name']}) does not say on which days it was trained; retrain it")
    if found["models"]["trained"] or found["models"]["unknown"]:
        err.print("retrain with: uniscale day DS, or uniscale train --recipe NAME --from DAY --to DAY --alias champion")
    for path in found["files_left"]:
        err.print(f"still names the user: {path}", highlight=False, markup=False)
    for hint in found["hints"]:
        err.print(hint, highlight=False)
