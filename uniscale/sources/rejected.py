"""What the quarantine holds: the rows that were not landed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from uniscale.contracts.events import EVENT_TABLES, QUARANTINE
from uniscale.lake.lake import Lake, table_has
from uniscale.sources.landed import refuse_unknown_day


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """Quarantined rows.

    Attributes:
        num_rows: Input rows, each counted once.
        num_reasons: Pairs of a row and a reason.
        num_undated: Input rows that are too broken to say their day, and so are left out when a day is asked for.
        reasons: The pairs asked for, in the order of files and rows, with the columns of the quarantine.
    """

    num_rows: int
    num_reasons: int
    num_undated: int
    reasons: list[dict[str, Any]]


def rejected_rows(lake: Lake, ds: date | None = None, table: str | None = None, limit: int | None = None) -> Rejected:
    """Read the quarantine.

    Args:
        lake: The lake.
        ds: Only rows that would have landed on this day.
        table: Only rows that were meant for this table.
        limit: Give no more reasons than this; all are counted.

    Raises:
        ValueError: No contract table has this name, or nothing of the day was landed.
        FileNotFoundError: There is no lake.
    """
    names = [event_table.name for event_table in EVENT_TABLES]
    if table is not None and table not in names:
        raise ValueError(f"no contract table is called {table!r}; the tables are {', '.join(names)}")
    meant = "(table_name = $table or $table is null)"
    on_day = f"{meant} and (ds = $ds or $ds is null)"
    wanted = {"table": table, "ds": ds}
    with lake.read() as con:
        if not table_has(con, QUARANTINE):
            return Rejected(num_rows=0, num_reasons=0, num_undated=0, reasons=[])
        rows = "count(distinct (source, table_name, file, row_number))"
        told = con.execute(
            f"select {rows} filter ({on_day}), count(*) filter ({on_day}), "
            f"{rows} filter ({meant} and ds is null and $ds is not null) from lake.{QUARANTINE.qualified}",
            wanted,
        ).fetchone()
        assert told is not None
        if ds is not None and not told[1]:
            refuse_unknown_day(con, ds)
        columns = QUARANTINE.column_names
        found = con.execute(
            f"select {', '.join(columns)} from lake.{QUARANTINE.qualified} where {on_day} "
            "order by source, table_name, file, row_number, column_name, reason "
            f"limit {told[1] if limit is None else int(limit)}",
            wanted,
        ).fetchall()
    reasons = [dict(zip(columns, row, strict=True)) for row in found]
    return Rejected(num_rows=told[0], num_reasons=told[1], num_undated=told[2], reasons=reasons)
