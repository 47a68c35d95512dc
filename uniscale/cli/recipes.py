"""`uniscale recipes`: what is trained, by name."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from uniscale.config import Settings, load_settings
from uniscale.console import exit_codes, out, print_json
from uniscale.contracts.training import DATA, RANKERS, SIZES

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("recipes")(recipes)


def recipes(
    name: Annotated[str | None, typer.Argument(help="Show all of this recipe.")] = None, as_json: Json = False
) -> None:
    """List your own recipes and what packaged ones are named after; with a name, show what is trained and how."""
    with exit_codes():
        settings = load_settings()
        if name is not None:
            _show(name, settings, as_json)
        elif as_json:
            own = {mine: changes.model_dump() for mine, changes in settings.recipes.items()}
            print_json({"models": RANKERS, "data": DATA, "sizes": SIZES, "roles": _roles(settings), "own": own})
        else:
            _list(settings)


def _show(name: str, settings: Settings, as_json: bool) -> None:
    from uniscale.recipes.catalogue import get_recipe

    content = get_recipe(name, settings.recipes).content()
    if as_json:
        print_json(content)
        return
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    for key, value in _flat(content):
        table.add_row(key, str(value))
    out.print(table)


def _flat(content: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Leaves of nested values with their paths; what is not set is left out."""
    found: list[tuple[str, Any]] = []
    for key, value in content.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return [(key, value) for key, value in found if value is not None]


def _list(settings: Settings) -> None:
    out.print("MODEL_DATA_SIZE, say hhsft_es3_xs, names a packaged recipe:", highlight=False)
    for what, words in (("models", RANKERS), ("data", DATA), ("sizes", SIZES)):
        out.print(f"  {what:<7} {', '.join(words)}", highlight=False)
    for role, name in _roles(settings).items():
        out.print(f"{role}: {name}", highlight=False)
    if not settings.recipes:
        out.print("You have none of your own; docs/training.md tells how to configure one.", highlight=False)
        return
    table = Table("yours", "base", "what differs", box=SIMPLE, padding=(0, 1), pad_edge=False)
    for name, recipe in settings.recipes.items():
        changes = {**recipe.optimisation, **recipe.model}
        changes |= {"seed_offset": recipe.seed_offset} if recipe.seed_offset else {}
        table.add_row(name, recipe.base, ", ".join(f"{key} = {value}" for key, value in changes.items()))
    out.print(table)


def _roles(settings: Settings) -> dict[str, str]:
    training = settings.training
    return {"first champion": training.champion_recipe, "challenger, trained every day": training.challenger_recipe}
