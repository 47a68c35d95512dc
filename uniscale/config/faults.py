"""What is wrong with the settings, in sentences that name the setting, its value and where it was written."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

_SECRET = ("catalog", "password", "token", "webhook")


def settings_fault(error: ValidationError, settings: type[BaseModel], file: Path, prefix: str) -> str:
    """Every fault of the settings as one sentence each.

    Args:
        error: What the validation found.
        settings: Class of the settings.
        file: The configuration file, which need not exist.
        prefix: With which variables of the environment begin that are settings.
    """
    return "; ".join(_sentence(fault, settings, file, prefix) for fault in error.errors(include_url=False))


def _sentence(fault: Any, settings: type[BaseModel], file: Path, prefix: str) -> str:
    # A place may go on into a value (an element of a list), which no variable and no key of the file names.
    path = [part for part in fault["loc"] if isinstance(part, str)]
    name, source = ".".join(path), _source(path, file, prefix)
    if fault["type"] == "extra_forbidden":
        return f"{source}: {name} is no setting{_meant(path, settings)}"
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not path or isinstance(fault["input"], dict) or any(word in name for word in _SECRET):
        return f"{source}: {name and f'{name}: '}{message}"
    value = re.sub(r"(://[^@/\s]*:)[^@\s]*@", r"\1***@", repr(fault["input"]))  # a password in an address
    return f"{source}: {name} = {value}: {message}"


def _source(path: Sequence[str], file: Path, prefix: str) -> str:
    """The variable that sets a value, else the file."""
    for length in range(len(path), 0, -1):
        variable = prefix + "__".join(path[:length]).upper()
        if variable in os.environ:
            return variable
    return str(file) if file.is_file() else "settings"


def _meant(path: Sequence[str], settings: type[BaseModel]) -> str:
    """The keys that there are, or the one that was likely meant."""
    section: Any = settings
    for part in path[:-1]:
        if isinstance(section, type) and issubclass(section, BaseModel):
            field = section.model_fields.get(part)
            section = None if field is None else field.annotation
        elif get_origin(section) is dict:  # the part is a name that a person gave
            section = get_args(section)[1]
    if not isinstance(section, type) or not issubclass(section, BaseModel):
        return ""
    known = list(section.model_fields)
    close = get_close_matches(path[-1], known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
