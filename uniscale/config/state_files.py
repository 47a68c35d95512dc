"""The small files that an installation keeps its state in: written whole (`uniscale.whole_files`), read with a net.

A kill or a full disk at any moment leaves the old file or the new one. A file that is torn nevertheless, by a
disk say, counts as absent: everything that is read here can be made again.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
_log = logging.getLogger(__name__)


def read_state(path: Path, kind: type[T]) -> T | None:
    """What a JSON file holds, or None if there is no file or a damaged one; the latter is said in the log.

    Args:
        path: The file.
        kind: Type of the document, say ``dict[str, list[str]]`` or a dataclass.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        _log.warning("%s is damaged and counts as absent: %s", path, _reason(error))
        return None


def append_line(path: Path, line: str) -> None:
    """Append a line; one that a killed process left half-written stays a line of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as handle:
        end = handle.seek(0, os.SEEK_END)
        handle.seek(max(0, end - 1))
        is_torn = handle.read(1) not in (b"", b"\n")
        handle.write(b"\n" * is_torn + line.encode() + b"\n")


def read_lines(path: Path, kind: type[T]) -> list[T]:
    """What the lines of a JSON Lines file hold, without torn ones; empty if there is no file.

    Args:
        path: The file.
        kind: Type of the document in a line.
    """
    try:
        *whole, _ = path.read_bytes().split(b"\n")  # what follows the last line end is still being written, or torn
    except FileNotFoundError:
        return []
    adapter, found = TypeAdapter(kind), []
    for line in whole:
        try:
            found.append(adapter.validate_json(line))
        except ValidationError:
            continue
    return found


def _reason(error: ValidationError) -> str:
    """The first fault in few words, without what the file holds."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return str(first["msg"])
