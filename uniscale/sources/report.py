"""What one ingest did, as a person and a program are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from uniscale.contracts.events import EVENT_TABLES
from uniscale.sources.bad_file import told_values
from uniscale.sources.gaps import GAPS


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarantined:
    """How many rows of a table were rejected for one reason.

    Attributes:
        table: Contract table.
        column: Column at fault.
        reason: What is wrong.
        rows: Number of rows.
        found: The most frequent wrong values with their rows, where the value alone is wrong.
    """

    table: str
    column: str
    reason: str
    rows: int
    found: dict[str, int] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """In words: ``actions action is none of click, ... (found: 'view' 812 times)``."""
        what = " ".join(part for part in (self.table, self.column, self.reason) if part)
        found = told_values(self.found, self.rows)
        return f"{what} (found: {found})" if found else what


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
        gaps: What is allowed on these days, and should be seen: number by name, see `uniscale.sources.gaps.GAPS`.
    """

    source: str
    rows: dict[str, int] = field(default_factory=lambda: {table.name: 0 for table in EVENT_TABLES})
    quarantined: list[Quarantined] = field(default_factory=list)
    num_quarantined: int = 0
    num_forgotten: int = 0
    days: list[date] = field(default_factory=list)
    hints: tuple[str, ...] = ()
    gaps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(GAPS, 0))

    def add(self, found: Sequence[Quarantined]) -> None:
        """Add reasons, those of one table, column and wording together."""
        known = {(q.table, q.column, q.reason): q for q in self.quarantined}
        for q in found:
            key = (q.table, q.column, q.reason)
            before = known.get(key, Quarantined(table=q.table, column=q.column, reason=q.reason, rows=0))
            values = {v: before.found.get(v, 0) + q.found.get(v, 0) for v in {**before.found, **q.found}}
            known[key] = Quarantined(
                table=q.table, column=q.column, reason=q.reason, rows=before.rows + q.rows, found=values
            )
        self.quarantined = list(known.values())

    def as_json(self) -> dict[str, object]:
        """The report as a JSON-like document."""
        return {
            "source": self.source,
            "rows": self.rows,
            "quarantined": {
                "rows": self.num_quarantined,
                "reasons": [
                    {"table": q.table, "column": q.column, "reason": q.reason, "rows": q.rows, "found": q.found}
                    for q in self.quarantined
                ],
            },
            "forgotten": self.num_forgotten,
            "days": {
                "count": len(self.days),
                "first": self.days[0].isoformat() if self.days else None,
                "last": self.days[-1].isoformat() if self.days else None,
            },
            **self.gaps,
            "hints": list(self.hints),
        }
