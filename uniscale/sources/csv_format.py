"""How the fields and rows of a text file are told apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvFormat:
    """How the fields of a line are told apart.

    Attributes:
        delimiter: Between two fields.
        quote: Around a field that holds the delimiter or a line break; empty if the format has none.
        nulls: Texts that stand for a missing value.
        longest_line: Bytes of the longest record that can be a row.
    """

    delimiter: str = ","
    quote: str = '"'
    nulls: tuple[str, ...] = ("",)
    longest_line: int = 2 << 20


COMMA = CsvFormat()
