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
    zeros = [start[place::4].count(0) / len(start[place::4]) for place in range(4)]
    if all(share > _MOSTLY for share in zeros[1:]) and zeros[0] < _MOSTLY:
        return "UTF-32LE"
    if all(share > _MOSTLY for share in zeros[:3]) and zeros[3] < _MOSTLY:
        return "UTF-32BE"
    if zeros[1] > _MOSTLY and zeros[3] > _MOSTLY and max(zeros[0], zeros[2]) < _MOSTLY:
        return "UTF-16LE"
    if zeros[0] > _MOSTLY and zeros[2] > _MOSTLY and max(zeros[1], zeros[3]) < _MOSTLY:
        return "UTF-16BE"
    return None
