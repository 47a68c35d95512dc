"""What is about to be landed, before it is checked; and the error that refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from uniscale.contracts.literals import quoted as quoted  # noqa: PLC0414
from uniscale.contracts.schema import Table


class BadFileError(ValueError):
    """A file as a whole cannot be landed; the lake stays as it was."""

    def __init__(self, file: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {problem}. Nothing was landed. {remedy}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Malformed:
    r"""A record of a file that is no row.

    Attributes:
        row_number: Row in its file, first is 1.
        reason: What is wrong.
        line: The record as it came; a byte that is no text is written ``\xe9``.
    """

    row_number: int
    reason: str
    line: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """Rows meant for one contract table, from one file, not yet checked.

    Attributes:
        table: Contract table they are meant for.
        file: File name, as messages and the quarantine show it.
        select: SQL query with ``row_number`` and contract columns in whatever types the source has.
        day: The only day its rows may belong to, if its folder names one.
        malformed: Lines that ``select`` leaves out because they are no rows.
        domains: The domains its rows may name.
        num_records: Records of the file, counted without the reader behind ``select``; None if ``select`` makes other
            rows of them.
    """

    table: Table
    file: str
    select: str
    day: date | None
    domains: tuple[str, ...]
    malformed: tuple[Malformed, ...] = ()
    num_records: int | None = None


SEND_AGAIN = "Send the file again; it was probably cut off while it was written or copied"
"""What to do about a file that ends too early."""


def first_line(error: BaseException) -> str:
    """What an error says, without the lines that follow it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def identifier(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def file_pattern(path: Path) -> str:
    """What DuckDB's readers must be given to read this file and no other; they take ``*``, ``?`` and ``[`` as patterns.

    Raises:
        BadFileError: The path holds a backslash beside one of these signs, which cannot be told to DuckDB.
    """
    text = str(path.absolute())
    if not any(sign in text for sign in "*?["):
        return text
    if "\\" in text:
        raise BadFileError(path.name, r"its path holds a \ beside one of * ? [", "Rename it")
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in text)
