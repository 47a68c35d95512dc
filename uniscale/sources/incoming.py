"""What is about to be landed, before it is checked; and the error that refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from uniscale.contracts.literals import quoted as quoted  # noqa: PLC0414
from uniscale.contracts.schema import Table


class BadFileError(ValueError):
    """A file as a whole cannot be landed; the lake stays as it was."""

    def __init__(self, file: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {problem}. Nothing was landed. {remedy}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Malformed:
    """A line of a CSV file that is no row of the table's width.

    Attributes:
        row_number: Row in its file, first is 1.
        reason: What is wrong.
        line: The line as it came.
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
    """

    table: Table
    file: str
    select: str
    day: date | None
    domains: tuple[str, ...]
    malformed: tuple[Malformed, ...] = ()


SEND_AGAIN = "Send the file again; it was probably cut off while it was written or copied"
"""What to do about a file that ends too early."""


def first_line(error: BaseException) -> str:
    """What an error says, without the lines that follow it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
