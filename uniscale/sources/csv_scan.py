"""Go through the bytes of a CSV file once: count its records and find those that are no rows.

The count owes nothing to the reader that later takes the rows, so the two can be held against each other. A block whose
lines are all rows is told by arithmetic on its bytes; only a block that holds anything else is cut record by record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from uniscale.sources.csv_format import CsvFormat
from uniscale.sources.csv_records import ENCODING, STRAY, UNCLOSED, Record, RecordReader
from uniscale.sources.incoming import BadFileError, Malformed

MAX_MALFORMED = 1000
"""A file with more malformed records than this is refused."""
MAX_LINE_KEPT = 100_000
"""Bytes of a malformed record that the quarantine keeps."""
REMEDIES = {
    ENCODING: "Write the file as UTF-8; if it is Latin-1: iconv -f LATIN1 -t UTF-8",
    STRAY: 'Write a quote within a quoted field twice ("5"" tablet"), not after a backslash',
    UNCLOSED: 'Close every quoted field, and write a quote within it twice ("5"" tablet")',
}
"""What to do about a file that has many records of one fault."""

_BLOCK = 64 << 10  # the arrays of a block stay in the processor's cache
_LF, _CR = 10, 13


class Reader(Protocol):
    """Anything bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


class Writer(Protocol):
    """Anything bytes can be written to."""

    def write(self, data: bytes, /) -> object:
        """Write all of it."""


@dataclass(kw_only=True, slots=True)
class Scan:
    """What the bytes of a file hold below the header.

    Attributes:
        num_records: Rows and malformed records.
        malformed: Records that are no rows.
        is_plain: Any CSV reader finds the same rows: no malformed record, no blank line, one kind of line end.
        ends_in_fault: The last record is malformed and the file does not end with a line end: it may be cut off.
    """

    num_records: int = 0
    malformed: list[Malformed] = field(default_factory=list)
    is_plain: bool = True
    ends_in_fault: bool = False


def scan(source: Reader, name: str, form: CsvFormat, width: int, rows: Writer | None = None) -> Scan:
    """Count the records of a file.

    Args:
        source: The bytes of the file; the first record is the header.
        name: The file, for messages.
        form: How its fields are told apart.
        width: Fields of a row.
        rows: Where to write the header and the rows in a form that any CSV reader takes, if anywhere.

    Raises:
        BadFileError: More than `MAX_MALFORMED` records are malformed, or the source cannot be read.
    """
    return _Scanner(name, form, width, rows).run(source)


def count_rows(block: bytes, form: CsvFormat, width: int) -> int | None:
    """How many rows a block holds if every line of it is one, without any doubt; None otherwise.

    Args:
        block: Whole lines, the last with its line end.
        form: How fields are told apart.
        width: Fields of a row.
    """
    if b"\0" in block or not _is_utf8(block):
        return None
    data = np.frombuffer(block, np.uint8)
    ends = data == _LF
    num_lines = int(np.count_nonzero(ends))
    if b"\r" in block and not block.count(b"\r") == num_lines == block.count(b"\r\n"):
        return None
    separators = data == ord(form.delimiter)
    if form.quote and form.quote.encode() in block:
        within = _within_quotes(data, ord(form.delimiter), ord(form.quote))
        if within is None or (ends & within).any():
            return None
        separators &= ~within
    found = np.flatnonzero(separators | ends)
    last = found[width - 1 :: width]
    if len(found) != num_lines * width or not ends[last].all():
        return None
    return num_lines if np.diff(last, prepend=-1).max() <= form.longest_line else None


def _within_quotes(data: np.ndarray, delimiter: int, quote: int) -> np.ndarray | None:
    """Which bytes lie within quotes; None if a quote stands where none may."""
    places = np.flatnonzero(data == quote)
    if len(places) % 2:
        return None
    opening, closing = places[::2], places[1::2]
    before, after = data[opening - 1], data[closing + 1]  # the byte before the first is the line end of the last
    if not (
        ((before == delimiter) | (before == _LF) | (before == quote)).all()
        and ((after == delimiter) | (after == _LF) | (after == _CR) | (after == quote)).all()
    ):
        return None
    stretches = np.diff(places, prepend=0, append=len(data))
    return np.repeat(np.arange(len(stretches)) % 2 == 1, stretches)


def _is_utf8(block: bytes) -> bool:
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


class _Scanner:
    def __init__(self, name: str, form: CsvFormat, width: int, rows: Writer | None) -> None:
        self._name, self._form, self._width, self._rows = name, form, width, rows
        self._reader = RecordReader(form, width)
        self._found = Scan()
        self._line_ends: set[bytes] = set()
        self._is_in_long_line = False

    def run(self, source: Reader) -> Scan:
        rest, last_byte = b"", b""
        for block, is_last in _blocks(source):
            last_byte = block[-1:] or last_byte
            rest = self._take(rest + block, is_last)
        self._found.num_records -= 1  # the header
        self._found.is_plain &= len(self._line_ends) <= 1
        self._found.ends_in_fault &= last_byte not in (b"\n", b"\r")
        return self._found

    def _take(self, buffer: bytes, is_last: bool) -> bytes:
        """Take the whole records of the buffer; returns the rest."""
        cut = len(buffer) if is_last else buffer.rfind(b"\n") + 1
        whole = buffer[:cut]
        if is_last and whole and not whole.endswith(b"\n"):
            whole += b"\r\n" if b"\r\n" in self._line_ends else b"\n"
        if self._is_in_long_line or not whole or (number := count_rows(whole, self._form, self._width)) is None:
            return self._take_one_by_one(buffer, is_last)
        self._found.num_records += number
        self._found.ends_in_fault = False
        has_returns = b"\r" in whole
        self._line_ends.add(b"\r\n" if has_returns else b"\n")
        if self._rows is not None:
            self._rows.write(whole.replace(b"\r\n", b"\n") if has_returns else whole)
        return buffer[cut:]

    def _take_one_by_one(self, buffer: bytes, is_last: bool) -> bytes:
        place = self._skip_long_line(buffer)
        rows: list[bytes] = []
        while (record := self._reader.read(buffer, place, is_last)) is not None:
            if record.start > place:
                self._found.is_plain = False
            self._found.num_records += 1
            if record.fault is not None:
                self._reject(buffer, record, record.fault)
            elif self._rows is not None:
                content = buffer[record.start : record.end]
                rows.append(content if record.is_plain else self._reader.plain(content))
            self._found.is_plain &= record.is_plain and record.fault is None
            self._found.ends_in_fault = record.fault is not None
            if record.next is None:
                self._is_in_long_line = True
                place = len(buffer)
                break
            if record.next > record.end:
                self._line_ends.add(buffer[record.end : record.next])
            place = record.next
        if self._rows is not None and rows:
            self._rows.write(b"\n".join([*rows, b""]))
        rest = buffer[place:]
        if is_last and rest:  # blank lines
            self._found.is_plain = False
        return rest

    def _skip_long_line(self, buffer: bytes) -> int:
        if not self._is_in_long_line:
            return 0
        breaks = [place for place in (buffer.find(b"\n"), buffer.find(b"\r")) if place >= 0]
        self._is_in_long_line = not breaks
        return min(breaks, default=len(buffer))

    def _reject(self, buffer: bytes, record: Record, fault: str) -> None:
        found = self._found
        line = buffer[record.start : min(record.end, record.start + MAX_LINE_KEPT)].decode(errors="backslashreplace")
        if found.num_records == 1:
            raise BadFileError(self._name, f"its first line {fault}", "Write the column names into the first line")
        found.malformed.append(Malformed(row_number=found.num_records - 1, reason=fault, line=line))
        if len(found.malformed) > MAX_MALFORMED:
            told = "; ".join(f"row {bad.row_number} {bad.reason}" for bad in found.malformed[:3])
            problem = f"more than {MAX_MALFORMED} lines are malformed; first {told}"
            raise BadFileError(self._name, problem, REMEDIES.get(found.malformed[0].reason, "Write it again"))


def _blocks(source: Reader) -> Iterator[tuple[bytes, bool]]:
    """The blocks of a file, and whether each is the last."""
    block = source.read(_BLOCK)
    while True:
        following = source.read(_BLOCK) if block else b""
        yield block, not following
        if not following:
            return
        block = following
