"""What is about to be landed, before it is checked; and the error that refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from uniscale.contracts.literals import quoted_file
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
        file: What the file is known by when it is sent again, as messages and the quarantine show it: its path
            below the folder of the logs if that names its day, its whole path if it holds all days.
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


def only_file(path: Path) -> str:
    """A file as DuckDB's readers take it, and no other file (`quoted_file`).

    Raises:
        BadFileError: The path holds both a backslash and a wildcard, which cannot be told to DuckDB.
    """
    if "\\" in str(path.absolute()) and any(sign in str(path.absolute()) for sign in "*?["):
        raise BadFileError(path.name, r"its path holds a \ together with one of * ? [", "Rename it")
    return quoted_file(path.absolute())
