"""The alerts that the lake holds, with what their rules say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.config.alert_rules import Rule
from uniscale.contracts.alerts import ALERTS, CHECKS, SEVERITIES
from uniscale.lake.lake import table_has


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A row of ``monitor.alerts``; number, reason and runbook are empty once its rule is no more."""

    rule: str
    subject: str
    severity: str
    opened_ds: date
    last_ds: date
    closed_ds: date | None
    num_days: int
    first_value: float | None
    last_value: float | None
    detail: str
    number: int | None
    reason: str
    runbook: str

    @property
    def title(self) -> str:
        """Rule and subject, as people read them."""
        number = "" if self.number is None else f"{self.number} "
        return f"{number}{self.rule.replace('_', ' ')}" + (f": {self.subject}" if self.subject else "")


def read_alerts(con: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> list[Alert]:
    """All alerts: open ones first, then the worst, then the newest."""
    if not table_has(con, ALERTS):
        return []
    by_name = {rule.name: rule for rule in rules}
    names = ALERTS.column_names
    query = (
        f"select {', '.join(names)} from lake.{ALERTS.qualified} order by closed_ds is not null, "
        f"list_position({list(SEVERITIES)}, severity), last_ds desc, rule, subject"
    )
    found = []
    for row in con.execute(query).fetchall():
        values = dict(zip(names, row, strict=True))
        rule = by_name.get(values["rule"])
        found.append(
            Alert(
                **values,
                number=None if rule is None else rule.number,
                reason="" if rule is None else rule.reason,
                runbook="" if rule is None else rule.runbook,
            )
        )
    return found


def newest_check(con: duckdb.DuckDBPyConnection) -> date | None:
    """The newest day that was checked, whose findings are the present."""
    if not table_has(con, CHECKS):
        return None
    row = con.execute(f"select max(ds) from lake.{CHECKS.qualified}").fetchone()
    assert row is not None
    newest: date | None = row[0]
    return newest


def unknown_rules(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Rules that could not tell on the newest checked day, and why."""
    newest = newest_check(con)
    if newest is None:
        return []
    query = f"select rule, detail from lake.{CHECKS.qualified} where ds = ? and state = 'unknown' order by rule"
    return con.execute(query, [newest]).fetchall()
