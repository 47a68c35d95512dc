"""A world before it is built: its name and its knobs, as a file and changed by hand.

A world file is TOML: a ``name`` and a sentence ``about`` it, which may be left out, and a table ``[knobs]``; knobs it
leaves out are at their default.
"""

from __future__ import annotations

import json
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from uniscale.simulator.knobs import Knobs

WORLD_FILE = "world.toml"
"""Next to the logs of a simulation: its whole configuration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """A world before size, seed and first day.

    Attributes:
        name: Preset or file, and what was changed in it: ``default, feed_per_search=3.0``.
        about: A sentence; may be empty.
        knobs: All of them.
    """

    name: str
    about: str
    knobs: Knobs

    def write(self, file: Path) -> None:
        """Write the whole configuration, so that later defaults do not change the world."""
        lines = [f"name = {_quoted(self.name)}", f"about = {_quoted(self.about)}", "", "[knobs]"]
        for name, field in Knobs.model_fields.items():
            value = getattr(self.knobs, name)
            about = textwrap.shorten(f"{_unit(name)}: {field.description}", 100, placeholder=" ...")
            lines.append(f"{name} = {_quoted(value)}  # {about}")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_world(file: Path) -> Blueprint:
    """The world of a file; without a name in it, it is called like the file.

    Raises:
        ValueError: It is no TOML, or no world.
        FileNotFoundError: It does not exist.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; name a world file")
    content = _content(file)
    strange = sorted(content.keys() - {"name", "about", "knobs"})
    if strange:
        raise ValueError(f"{file}: {', '.join(strange)} stands outside the table of knobs; write it below [knobs]")
    knobs = content.get("knobs", {})
    if not isinstance(knobs, dict):
        raise ValueError(f"{file}: knobs is no table; write [knobs]")
    name, about = str(content.get("name", file.stem)), str(content.get("about", ""))
    return Blueprint(name=name, about=about, knobs=_knobs(knobs, str(file)))


def world_name(folder: Path) -> str | None:
    """Name of the world that was simulated into a folder, None if no world was.

    The knobs are not read: a world keeps its name when a knob is renamed.

    Raises:
        ValueError: The world file is no TOML.
    """
    file = folder / WORLD_FILE
    return str(_content(file).get("name", file.stem)) if file.is_file() else None


def with_changes(base: Blueprint, changes: Mapping[str, Any], source: str) -> Blueprint:
    """``base`` with some knobs set, and named so.

    Args:
        base: A world.
        changes: Values by knob, also as text.
        source: Where they were written, for the message.

    Raises:
        ValueError: A knob is unknown or its value will not do.
    """
    knobs = _knobs({**base.knobs.model_dump(), **changes}, source)
    told = ", ".join(f"{name}={getattr(knobs, name)}" for name in changes)
    return Blueprint(name=f"{base.name}, {told}" if told else base.name, about=base.about, knobs=knobs)


def _content(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no TOML file: {error}") from error


def _quoted(value: float | str) -> str:
    """As TOML writes it."""
    return json.dumps(value, ensure_ascii=False)


def _knobs(values: Mapping[str, Any], source: str) -> Knobs:
    try:
        return Knobs(**values)
    except ValidationError as error:
        raise ValueError("; ".join(f"{source}: {_fault(fault)}" for fault in error.errors(include_url=False))) from None


def _fault(fault: Any) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:
        return message
    name = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        close = get_close_matches(name, list(Knobs.model_fields), n=1)
        hint = f"did you mean {close[0]}?" if close else "uniscale simulate --knobs lists them"
        return f"no knob is called {name}; {hint}"
    return f"{name} = {fault['input']!r}: {message} ({_unit(name)})"


def _unit(name: str) -> str:
    about = Knobs.model_fields[name].json_schema_extra
    assert isinstance(about, dict)
    bounds = f", {about['low']} to {about['high']}" if "low" in about else ""
    return f"{about['unit']}{bounds}"
