"""Tell a file that is no UTF-8 text by its first bytes, and say what it is."""

from __future__ import annotations

import codecs

from uniscale.sources.incoming import BadFileError

_KINDS = {
    b"\x1f\x8b": ("is packed with gzip", "Name it .csv.gz"),
    b"\x28\xb5\x2f\xfd": ("is packed with Zstandard", "Unpack it: zstd -d"),
    b"BZh": ("is packed with bzip2", "Unpack it: bunzip2"),
    b"\xfd7zXZ\x00": ("is packed with xz", "Unpack it: unxz"),
    b"PK\x03\x04": ("is a ZIP archive (or a spreadsheet)", "Unpack it, or export it as CSV"),
    b"PAR1": ("is a Parquet file", "Name it .parquet"),
}
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_PATTERNS: dict[tuple[bool, ...], str] = {
    (False, True, False, True): "UTF-16LE",
    (True, False, True, False): "UTF-16BE",
    (False, True, True, True): "UTF-32LE",
    (True, True, True, False): "UTF-32BE",
}
"""Which bytes of four are mostly NUL in an encoding."""
_LOOKED_AT = 4096
_MOSTLY = 0.4
"""Share of NUL bytes in the places where an encoding puts them for Latin letters, digits and signs."""


def refuse_other_format(name: str, start: bytes) -> None:
    """Refuse a file that is packed, of another format, or text in an encoding of two or four bytes a character.

    Args:
        name: The file, for the message.
        start: Its first bytes, unpacked.

    Raises:
        BadFileError: It names what the file is and how to turn it into UTF-8 CSV.
    """
    for sign, (problem, remedy) in _KINDS.items():
        if start.startswith(sign):
            raise BadFileError(name, f"{problem}, not CSV", remedy)
    encoding = _wide_encoding(start[:_LOOKED_AT])
    if encoding is not None:
        raise BadFileError(name, f"is text in {encoding}, not in UTF-8", f"Convert it: iconv -f {encoding} -t UTF-8")


def _wide_encoding(start: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if len(start) < 8:
        return None
    is_zero = tuple(start[place::4].count(0) > _MOSTLY * len(start[place::4]) for place in range(4))
    return _PATTERNS.get(is_zero)
