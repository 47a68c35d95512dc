"""Which days have been landed, and from what source: notes kept with the rows, written in the same commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from uniscale.lake.partitions import built_days, mark_built
from uniscale.sources.fingerprints import EVENTS

SOURCE = "raw/source"
"""Name under which `uniscale.lake.partitions` remembers the source that a day was landed from last."""


def mark_landed(con: duckdb.DuckDBPyConnection, source: str, keys: Mapping[date, str]) -> None:
    """Note the days just landed; call it inside the `Lake.commit` that lands them.

    Args:
        con: The connection that `commit` handed out.
        source: Name of the source.
        keys: Fingerprint of the files of each day.
    """
    mark_built(con, EVENTS, keys)
    mark_built(con, SOURCE, dict.fromkeys(keys, source))


def landed_days(con: duckdb.DuckDBPyConnection) -> dict[date, str | None]:
    """Landed days in order, with their source; None if the day was landed before sources were noted."""
    sources = built_days(con, SOURCE)
    return {day: sources.get(day) for day in sorted(built_days(con, EVENTS))}


def refuse_unknown_day(con: duckdb.DuckDBPyConnection, ds: date) -> None:
    """Refuse a day of which nothing was landed.

    Raises:
        ValueError: It is not among the landed days; the message tells those there are.
    """
    days = list(landed_days(con))
    if ds not in days:
        held = f"the lake holds {len(days)} days, {days[0]}..{days[-1]}" if days else "the lake holds no day at all"
        raise ValueError(f"nothing of {ds} has been landed; {held}")
