"""Writes the pages that follow from the code: ``python -m docs.generate``.

Commands, settings, derived tables and the list of decisions. A test holds the committed pages against what this writes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.cli import get_docs_for_click
from typer.main import get_command

from uniscale.cli.main import app
from uniscale.config.settings import Settings
from uniscale.contracts.code import CODE
from uniscale.contracts.schema import Table
from uniscale.pipeline.products import products_of
from uniscale.pipeline.steps import DAY_STEPS

DOCS = Path(__file__).parent


def main() -> None:
    """Write every page."""
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(DOCS.parent))


def pages() -> dict[Path, str]:
    """The text of every page by its place."""
    return {
        DOCS / "reference" / "commands.md": commands(),
        DOCS / "reference" / "settings.md": settings(),
        DOCS / "reference" / "tables.md": tables(),
        DOCS / "adr" / "index.md": decisions(),
    }


def commands() -> str:
    """Every command with its arguments and options, as its help has them."""
    group = get_command(app)
    context = group.make_context("uniscale", [], resilient_parsing=True)
    text = html.unescape(get_docs_for_click(obj=group, ctx=context, name="uniscale", title="Commands"))
    # The list of subcommands is cut off for terminals; the sections below say all.
    text = re.sub(r"\*\*Commands\*\*:\n\n(\* [^\n]*\n)+\n?", "", text)
    return f"{text.strip()}\n"


def settings() -> str:
    """Every setting with its type, default, meaning and the variable of the environment that sets it."""
    lines = [
        "# Settings",
        "",
        "One `uniscale.toml` in the folder where commands are typed, or the file that `UNISCALE_CONFIG` names.",
        "A variable of the environment goes before the file; lists and tables are JSON there. Paths are relative to",
        "the file.",
    ]
    for section, rows in _sections(Settings, ()):
        lines += ["", f"## {section}" if section else "## At the top", ""]
        lines += ["| setting | type | default | what it says |", "|---|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _sections(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Title and rows of a section, then of those within it."""
    within = {name: found for name, field in model.model_fields.items() if (found := _section_of(field)) is not None}
    rows = [_row(path, name, field) for name, field in model.model_fields.items() if name not in within]
    yield (f"`[{'.'.join(path)}]`" if path else ""), rows
    for name, (inner, is_named) in within.items():
        yield from _sections(inner, (*path, name, *(["NAME"] if is_named else [])))


def _section_of(field: FieldInfo) -> tuple[type[BaseModel], bool] | None:
    """The section that a field is, and whether there is one for each name that a person gives."""
    kind, is_named = field.annotation, False
    if get_origin(kind) is dict:
        kind, is_named = get_args(kind)[1], True
    return (kind, is_named) if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _row(path: tuple[str, ...], name: str, field: FieldInfo) -> str:
    variable = "" if "NAME" in path else f"<br>`UNISCALE_{'__'.join((*path, name)).upper()}`"
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `{name}`{variable} | {_type(field.annotation)} | {_default(field)} | {meaning} |"


def _type(kind: Any) -> str:
    arguments = [one for one in get_args(kind) if one is not type(None)]
    if get_origin(kind) is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if type(None) in get_args(kind):
        return _type(arguments[0])
    if get_origin(kind) in (tuple, list):
        return "list of text"
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Path": "path"}
    name = getattr(get_origin(kind) or kind, "__name__", str(kind))
    return {**names, "SecretStr": "secret", "dict": "table"}.get(name, name)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "must be given"
    if value is None or value == {}:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{list(value)}`".replace("'", '"') if isinstance(value, tuple) else f"`{value}`"


def tables() -> str:
    """Every derived table: what builds it, from which days of what, and on which settings it depends."""
    lines = [
        "# Derived tables",
        "",
        "What each derived table is made from, as it is declared. A day is built again when one of the days that it",
        "reads holds something else, when one of these settings has another value, or when the code has changed that",
        "makes it.",
    ]
    for step in DAY_STEPS:
        if products_of(step.name):
            lines += ["", f"## Step `{step.name}`"]
        for product in products_of(step.name):
            lines += ["", f"### {product.name[0].upper()}{product.name[1:].replace('_', ' ')}", ""]
            lines += [f"{_names(product.tables)}.", "", "| reads | days | by way of |", "|---|---|---|"]
            for (days, through), reads in groupby(product.reads, key=lambda read: (read.span, read.through)):
                lines.append(f"| {_names(read.table for read in reads)} | {days} | {_names(through)} |")
            settings_read = ", ".join(f"`{name}`" for name in product.settings)
            lines += ["", f"Settings: {settings_read or 'none'}. Code: {_code(product.code)}."]
    return "\n".join(lines) + "\n"


def _names(tables: Iterable[Table]) -> str:
    return ", ".join(f"`{table.qualified}`" for table in tables)


def _code(result: str) -> str:
    parts = [part if part.endswith("/") else part.replace(".", "/") + ".py" for part in CODE[result]]
    return " and ".join(f"`{part}`" for part in parts) + ", with what they import"


def decisions() -> str:
    """Every decision with its title and status."""
    lines = ["# Decisions", "", "What was decided, why, and what was rejected.", ""]
    lines += ["| | decision | status |", "|---|---|---|"]
    for path in sorted((DOCS / "adr").glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        found = re.match(r"# (\d+)\. (.+)\n\nStatus: ([^\n]+(?:\n[^\n]+)*)", text)
        if found is None:
            raise ValueError(f"{path} does not begin with '# N. Title' and 'Status: ...'")
        number, title, status = found.groups()
        lines.append(f"| {number} | [{title}]({path.name}) | {' '.join(status.split())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
