"""Read text with one JSON record a line, packed or not, one numbered line at a time."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from uniscale.sources.incoming import SEND_AGAIN, BadFileError, first_line

LONGEST_LINE = 16 << 20
"""Bytes of the longest line that can be a record."""

_ONE_A_LINE = "Write one record a line, for example with: jq -c '.[]'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line that is not blank.

    Attributes:
        number: Line in its file, first is 1.
        text: The line without its end; bytes that are not UTF-8 are shown as escapes.
        reason: Why it can be no record, if it cannot.
    """

    number: int
    text: str
    reason: str | None = None


def json_lines(path: Path, name: str) -> Iterator[Line]:
    """The lines of a file (``.gz`` is unpacked) that are not blank.

    Args:
        path: Where it is.
        name: What messages call it.

    Raises:
        BadFileError: It is cut off, no text in UTF-8, or one JSON document instead of one a line.
    """
    number = 0
    try:
        with _open_bytes(path) as stream:
            for number, raw in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), b""), start=1):
                _refuse_other_files(name, number, raw)
                plain = (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).strip()
                if plain:
                    yield _line(number, plain)
    except (OSError, EOFError, zlib.error) as error:
        problem = f"cannot be read to its end ({first_line(error)}; {number} lines were)"
        raise BadFileError(name, problem, SEND_AGAIN) from error
    if number == 0:
        raise BadFileError(name, "the file is empty (0 bytes)", SEND_AGAIN)


def _line(number: int, raw: bytes) -> Line:
    try:
        return Line(number=number, text=raw.decode("utf-8"))
    except UnicodeDecodeError:
        return Line(number=number, text=raw.decode("utf-8", "backslashreplace"), reason="is not UTF-8")


def _refuse_other_files(name: str, number: int, raw: bytes) -> None:
    """Refuse a file that is not one of lines, or ends within one."""
    if number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadFileError(name, "the file is UTF-16", "Write it as UTF-8")
    if number == 1 and raw.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        raise BadFileError(name, "the file is one JSON array", _ONE_A_LINE)
    if len(raw) > LONGEST_LINE:
        raise BadFileError(name, f"line {number} is longer than {LONGEST_LINE >> 20} MiB", _ONE_A_LINE)
    if not raw.endswith(b"\n") and raw.strip():
        _refuse_cut_off(name, number, raw)


def _refuse_cut_off(name: str, number: int, raw: bytes) -> None:
    """The last line may lack its end, but then it must be a whole record."""
    try:
        json.loads(raw.removeprefix(codecs.BOM_UTF8))
    except ValueError as error:
        problem = f"is cut off in its last line (line {number}: {raw[:80].decode('utf-8', 'backslashreplace')!r})"
        raise BadFileError(name, problem, SEND_AGAIN) from error


@contextmanager
def _open_bytes(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as stream:
        if path.name.lower().endswith(".gz"):
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield io.BufferedReader(unpacked)
        else:
            yield stream
