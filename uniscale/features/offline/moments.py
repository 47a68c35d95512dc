"""Times written as text, read as moments, in SQL.

DuckDB's casts are not used on a text with a zone: that to a time stamp leaves the offset out, and that to a time stamp
with a zone keeps the *name* of a zone in one row for the rows that follow.
"""

from __future__ import annotations

READABLE = (
    "a time is written 2026-01-05 10:00:00 (UTC) or, with its offset, 2026-01-05T10:00:00+02:00; names of zones are "
    "not read"
)
"""What `moment_of_text` reads, as a message tells it."""

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_OFFSET = r"([+-])([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d))?)?"
_PATTERN = rf"^\s*(\d{{4}}-\d{{1,2}}-\d{{1,2}})(?:[T ]({_CLOCK})\s*(?:Z|UTC|{_OFFSET})?)?\s*$"


def moment_of_text(text: str) -> str:
    """SQL of the moment (naive UTC) that a text means, cut to microseconds; NULL if it is none.

    A text without an offset is UTC, a date alone is its midnight.

    Args:
        text: SQL of the text.
    """
    part = f"regexp_extract({text}, '{_PATTERN}', ['day', 'clock', 'sign', 'hours', 'minutes', 'seconds'])"
    local = f"try_cast(trim({part}.day || ' ' || {part}.clock) as timestamp)"
    units = (("hours", 3600), ("minutes", 60), ("seconds", 1))
    ahead = " + ".join(f"coalesce(try_cast({part}.{unit} as integer), 0) * {seconds}" for unit, seconds in units)
    return f"{local} - to_seconds(case {part}.sign when '-' then -1 else 1 end * ({ahead}))"
