"""Times written as text, read as UTC, in SQL: the macros of ``times.sql``.

``utc_time(t)`` reads a text; two options say what else it takes. Files of events may name a zone; entity rows may not
(``zone_names := false``); search logs may not either, and may count milliseconds (``epoch_numbers := true``).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

WITHOUT_NAMES = (
    "a time is written 2026-01-05 10:00:00 (UTC) or, with its offset, 2026-01-05T10:00:00+02:00; names of zones are "
    "not read"
)
"""What ``utc_time(t, zone_names := false)`` reads, as a message tells it."""

_MACROS = Path(__file__).with_name("times.sql").read_text(encoding="utf-8")


def define_times(con: duckdb.DuckDBPyConnection) -> None:
    """Let a connection run ``utc_time`` and ``time_fault``."""
    con.execute(_MACROS)
