"""What one ingest did, as a person and a program are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from uniscale.contracts.events import EVENT_TABLES


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarantined:
    """How many rows of a table were rejected for one reason."""

    table: str
    column: str
    reason: str
    rows: int


@dataclass(kw_only=True, slots=True)
class IngestReport:
    """What one ingest did.

    Attributes:
        source: Name of the source.
        rows: Rows landed by table.
        quarantined: Rejected rows by table, column and reason; a row with two faults counts under both.
        num_quarantined: Rejected rows, each counted once.
        num_forgotten: Rows left out because their user was forgotten.
        days: Days that now hold what this ingest brought, in order.
        hints: Lines a person should act on.
        num_unlisted_items: Items of the candidates and actions of these days that the lake has no version of.
        num_bare_requests: Requests of these days without a candidate.
    """

    source: str
    rows: dict[str, int] = field(default_factory=lambda: {table.name: 0 for table in EVENT_TABLES})
    quarantined: list[Quarantined] = field(default_factory=list)
    num_quarantined: int = 0
    num_forgotten: int = 0
    days: list[date] = field(default_factory=list)
    hints: tuple[str, ...] = ()
    num_unlisted_items: int = 0
    num_bare_requests: int = 0

    def add(self, found: Sequence[Quarantined]) -> None:
        """Add reasons, those of one table, column and wording together."""
        counts = {(q.table, q.column, q.reason): q.rows for q in self.quarantined}
        for q in found:
            key = (q.table, q.column, q.reason)
            counts[key] = counts.get(key, 0) + q.rows
        self.quarantined = [Quarantined(table=t, column=c, reason=r, rows=n) for (t, c, r), n in counts.items()]

    def as_json(self) -> dict[str, object]:
        """The report as a JSON-like document."""
        return {
            "source": self.source,
            "rows": self.rows,
            "quarantined": {
                "rows": self.num_quarantined,
                "reasons": [
                    {"table": q.table, "column": q.column, "reason": q.reason, "rows": q.rows} for q in self.quarantined
                ],
            },
            "forgotten": self.num_forgotten,
            "days": {
                "count": len(self.days),
                "first": self.days[0].isoformat() if self.days else None,
                "last": self.days[-1].isoformat() if self.days else None,
            },
            "unlisted_items": self.num_unlisted_items,
            "requests_without_candidates": self.num_bare_requests,
            "hints": list(self.hints),
        }


def count_gaps(con: duckdb.DuckDBPyConnection, report: IngestReport) -> None:
    """Put into the report what is allowed to be missing on its days, but should be seen."""
    if not report.days:
        return
    days = ", ".join(f"date '{day}'" for day in report.days)
    on_days = f"where ds in ({days})"
    items = f"(select item_id from lake.raw.candidates {on_days} union select item_id from lake.raw.actions {on_days})"
    unlisted = con.execute(f"select count(*) from {items} anti join lake.raw.items using (item_id)").fetchone()
    bare = con.execute(
        f"select count(*) from (select request_id from lake.raw.requests {on_days}) "
        f"anti join (select request_id from lake.raw.candidates {on_days}) using (request_id)"
    ).fetchone()
    assert unlisted is not None and bare is not None
    report.num_unlisted_items, report.num_bare_requests = unlisted[0], bare[0]
