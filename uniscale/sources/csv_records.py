"""Cut the bytes of a CSV file into records, one at a time, whatever state its quotes are in.

A field whose first character is a quote reaches to the closing quote; a quote within it is written twice, and it may
hold delimiters and line breaks. In any other field a quote is a character like any other (``5" tablet``). Outside
quotes a line feed, a carriage return or the pair of them ends a record; but a carriage return is a character of its
field where only that makes a row of the line. Blank lines are no records.

When the quotes of a record are at fault, it ends with its first line, and the next line begins the next record: a bad
quote costs its own line and never the rows after it. A field that spans lines is taken for a quote that was never
closed if its first line has delimiters enough for a row and one of the lines after it is a whole row by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from uniscale.sources.csv_format import CsvFormat

FEWER = "has fewer fields than the header"
MORE = "has more fields than the header"
STRAY = "has text after a closing quote"
UNCLOSED = "opens a quote that is not closed"
ENCODING = "is not UTF-8"
NUL = "holds a NUL byte"
LONG = "is longer than a row can be"

_BREAKS = re.compile(rb"\r\n|\n|\r")
_BLANK = re.compile(rb"[\r\n]*")
_LINE = re.compile(rb"[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record lies in a buffer.

    Attributes:
        start: Its first byte.
        end: The first byte that is no part of it.
        next: Where the next line begins; None if the buffer ends within a line that is too long for a row.
        fault: Why it is no row; None for a row.
        is_plain: Any reader takes its bytes as they are: no quote in an unquoted field, no space around a quoted one.
        num_fields: How many fields it has; 0 if its quotes are at fault.
    """

    start: int
    end: int
    next: int | None
    fault: str | None
    is_plain: bool = True
    num_fields: int = 0


class RecordReader:
    """Reads records of a width from buffers of bytes.

    Args:
        form: How fields are told apart.
        width: Fields of a row; None if any number will do.
    """

    def __init__(self, form: CsvFormat, width: int | None) -> None:
        self._width, self._longest = width, form.longest_line
        self._delimiter, self._quote = form.delimiter.encode(), form.quote.encode()
        delimiter, quote = re.escape(self._delimiter), re.escape(self._quote)
        self._unquoted_line = re.compile(rb"[^\r\n" + quote + rb"]*")
        self._unquoted = re.compile(rb"[^\r\n" + delimiter + rb"]*")
        self._field = re.compile(rb"[^" + delimiter + rb"]*")
        if quote:
            within = rb"[^" + quote + rb"]*+"
            text = quote + within + rb"(?:" + quote + quote + within + rb")*+" + quote
            self._opening = re.compile(rb" *" + quote)
            self._quoted = re.compile(rb" *+(" + text + rb") *+")

    def read(self, buffer: bytes, start: int, is_last: bool) -> Record | None:
        """The record that begins at ``start`` or after the blank lines there; None if the buffer ends before it does.

        Args:
            buffer: Bytes of the file.
            start: Where a line begins.
            is_last: The file ends with the buffer.
        """
        found = self._split(buffer, start, is_last)
        if found is None or found.fault is not None:
            return found
        if found.num_fields <= (self._width or 0) and _ends_in_return(buffer, found):
            found = self._with_return(buffer, found, is_last)
            if found is None:
                return None
        return Record(found.start, found.end, found.next, self._fault(buffer, found), found.is_plain, found.num_fields)

    def plain(self, record: bytes) -> bytes:
        """The same row with every quote where any reader expects it."""
        fields, place = [], 0
        while True:
            if self._quote and self._opening.match(record, place):
                match = self._quoted.match(record, place)
                assert match is not None
                fields.append(match[1])
            else:
                match = self._field.match(record, place)
                assert match is not None
                text = match[0]
                needs_quotes = self._quote and (self._quote in text or b"\r" in text)
                fields.append(
                    self._quote + text.replace(self._quote, 2 * self._quote) + self._quote if needs_quotes else text
                )
            if match.end() == len(record):
                return self._delimiter.join(fields)
            place = match.end() + 1

    def _split(self, buffer: bytes, start: int, is_last: bool) -> Record | None:
        start = _end(_BLANK, buffer, start)
        end = _end(self._unquoted_line, buffer, start)
        if start == len(buffer):
            return None
        if buffer[end : end + 1] == self._quote and self._quote:
            return self._split_quoted(buffer, start, is_last)
        after = _next_line(buffer, end, is_last)
        if after is None and end - start <= self._longest:
            return None
        return Record(start, end, after, None, True, buffer.count(self._delimiter, start, end) + 1)

    def _split_quoted(self, buffer: bytes, start: int, is_last: bool) -> Record | None:
        place, num_fields, is_plain, tall = start, 0, True, None
        limit = start + self._longest
        while True:
            if self._opening.match(buffer, place):
                match = self._quoted.match(buffer, place, limit)
                if match is None or match.end() == len(buffer):
                    if not is_last and limit > len(buffer):
                        return None
                    if match is None:
                        return self._first_line(buffer, start, is_last, UNCLOSED)
                place, text = match.end(), match[1]
                if place < len(buffer) and buffer[place : place + 1] not in (self._delimiter, b"\r", b"\n"):
                    return self._first_line(buffer, start, is_last, STRAY)
                is_plain = is_plain and len(text) == len(match[0])
                if b"\n" in text or b"\r" in text:
                    tall = num_fields
            else:
                end = _end(self._unquoted, buffer, place)
                is_plain = is_plain and self._quote not in buffer[place:end]
                place = end
            num_fields += 1
            if buffer[place : place + 1] != self._delimiter:
                break
            place += 1
        after = _next_line(buffer, place, is_last)
        if after is None and place - start <= self._longest:
            return None
        if tall is not None and self._holds_rows(buffer[start:place], tall):
            return self._first_line(buffer, start, is_last, UNCLOSED)
        return Record(start, place, after, None, is_plain, num_fields)

    def _first_line(self, buffer: bytes, start: int, is_last: bool, fault: str) -> Record | None:
        end = _end(_LINE, buffer, start)
        after = _next_line(buffer, end, is_last)
        return None if after is None and end - start <= self._longest else Record(start, end, after, fault, False)

    def _with_return(self, buffer: bytes, found: Record, is_last: bool) -> Record | None:
        """The line up to its line feed, if only so it is a row; else the record that ends at the carriage return."""
        assert found.next is not None
        is_settled = is_last or len(buffer) - found.start >= self._longest
        following = self._split(buffer, found.next, is_last)
        if following is None and not is_settled:
            return None
        if following is None or (following.fault is None and following.num_fields == self._width):
            return found
        end = buffer.find(b"\n", found.next, found.start + self._longest)
        if end < 0 and not is_settled:
            return None
        end = len(buffer) if end < 0 else end
        end -= buffer[end - 1 : end] == b"\r"
        line = buffer[found.start : end]
        parts = line.split(b"\r")
        if len(line) < self._longest and self._is_row(b"_".join(parts)) and not any(map(self._is_row, parts[1:])):
            return Record(found.start, end, _next_line(buffer, end, is_last), None, False, self._width or 0)
        return found

    def _holds_rows(self, record: bytes, tall: int) -> bool:
        """Whether the lines of the record look like rows rather than like the text of one field.

        Where the field that spans the lines is the first, its last line has the fields of a row in any case.
        """
        first, *inner, last = _BREAKS.split(record)
        if self._width is None or first.count(self._delimiter) + 1 < self._width:
            return False
        return any(self._is_row(line, must_be_plain=True) for line in inner) or (tall > 0 and self._is_row(last))

    def _is_row(self, line: bytes, *, must_be_plain: bool = False) -> bool:
        found = self._split(line, 0, True)
        return (
            found is not None
            and found.fault is None
            and found.num_fields == self._width
            and (found.is_plain or not must_be_plain)
        )

    def _fault(self, buffer: bytes, found: Record) -> str | None:
        record = buffer[found.start : found.end]
        if len(record) > self._longest:
            return LONG
        if b"\0" in record:
            return NUL
        if not record.isascii():
            try:
                record.decode()
            except UnicodeDecodeError:
                return ENCODING
        if self._width is None or found.num_fields == self._width:
            return None
        return FEWER if found.num_fields < self._width else MORE


def _end(pattern: re.Pattern[bytes], buffer: bytes, start: int) -> int:
    match = pattern.match(buffer, start)
    assert match is not None
    return match.end()


def _ends_in_return(buffer: bytes, found: Record) -> bool:
    return found.next is not None and buffer[found.end : found.next] == b"\r"


def _next_line(buffer: bytes, end: int, is_last: bool) -> int | None:
    """Where the line after the one that ends at ``end`` begins; None if that lies outside the buffer."""
    if buffer[end : end + 2] == b"\r\n":
        return end + 2
    if end + 1 < len(buffer) or buffer[end : end + 1] == b"\n":
        return end + 1
    return min(end + 1, len(buffer)) if is_last else None
