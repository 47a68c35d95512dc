"""Is anything wrong? What a person should look at, worst first, each with the page that says more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from uniscale.config import Settings
from uniscale.config.thresholds import Thresholds
from uniscale.contracts.events import REQUESTS
from uniscale.lake.stored import num_rows_by_day
from uniscale.pipeline.progress import changes
from uniscale.pipeline.steps import DAY_STEPS
from uniscale.ui.queries.alerts import alerts
from uniscale.ui.queries.drift import findings
from uniscale.ui.queries.judged import ByMetric, decisions, metrics_of_day
from uniscale.ui.queries.steps import timings, values_over_days
from uniscale.ui.queries.stock import skew_by_day
from uniscale.ui.reading import Look

Severity = Literal["critical", "warning", "note"]
_WATCHED_DAYS = 7
"""Newest runs that have to be finished."""

_ORDER: tuple[Severity, ...] = ("critical", "warning", "note")
_OF_ALERTS: dict[str, Severity] = {"page": "critical", "ticket": "warning", "note": "note"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing to look at."""

    severity: Severity
    said: str
    href: str


def problems(look: Look, settings: Settings, limits: Thresholds) -> list[Problem]:
    """Everything that is wrong on the newest days, worst first."""
    days = look(timings)
    if not days:
        return []
    newest = max(days)
    found = [
        *(problem for ds in sorted(days)[-_WATCHED_DAYS:][::-1] for problem in _run(settings, ds, days[ds])),
        *_lag(look, settings, newest),
        *_quarantine(look, newest),
        *calibration(look(metrics_of_day, newest), newest, limits),
        *_skew(look, limits),
        *_watched(look, newest),
    ]
    decision = look(decisions).get(newest)
    if decision is not None and "too thin" in decision["reason"]:
        found.append(Problem(severity="note", said=f"{newest}: {decision['reason']}", href=f"/day/{newest}"))
    return sorted(found, key=lambda problem: _ORDER.index(problem.severity))


def failed_step(settings: Settings, ds: date) -> tuple[str, str] | None:
    """Step and message, if the last thing that a day told is that a step failed."""
    told = changes(settings, ds, 0.0)
    return (told[-1].step, told[-1].message) if told and told[-1].state == "failed" else None


def _run(settings: Settings, ds: date, done: Mapping[str, Any]) -> list[Problem]:
    failed = failed_step(settings, ds)
    if failed is not None:
        said = f"{ds} stopped in step {failed[0]}: {failed[1]}"
        return [Problem(severity="critical", said=said, href=f"/runs?day={ds}")]
    missing = [step.name for step in DAY_STEPS if step.name not in done]
    if missing:
        said = f"{ds} is not finished: {', '.join(missing)} to do"
        return [Problem(severity="warning", said=said, href=f"/runs?day={ds}")]
    return []


def _lag(look: Look, settings: Settings, newest: date) -> list[Problem]:
    landed = look(_landed_days)
    last = max(landed, default=newest)
    due = last - timedelta(days=settings.window.eval_days)
    found = []
    if due > newest:
        count = (due - newest).days
        waiting = "1 day is due" if count == 1 else f"{count} days are due"
        said = f"logs are landed up to {last}, the newest run is of {newest}: {waiting}"
        found.append(Problem(severity="warning", said=said, href="/runs"))
    lacking = [day for day in _between(min(landed, default=last), last) if day not in landed]
    if lacking:
        said = f"no requests are landed of {_days(lacking)}"
        found.append(Problem(severity="critical", said=said, href="/data"))
    return found


def _landed_days(con: Any) -> dict[date, int]:
    return num_rows_by_day(con, REQUESTS)


def _between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=index) for index in range((last - first).days + 1)]


def _days(days: list[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{len(days)} days, {days[0]} the first"


def _quarantine(look: Look, ds: date) -> list[Problem]:
    landed = look(values_over_days, "land", ("$.quarantined", "$.rows")).get(ds)
    rejected = int((landed or {}).get("$.quarantined") or 0)
    if landed is None or rejected == 0:
        return []
    rows = sum(json.loads(landed["$.rows"]).values())
    said = f"{rejected:,} of {rejected + rows:,} rows that came with {ds} were rejected"
    return [Problem(severity="warning", said=said, href="/data#quarantine")]


def calibration(metrics: ByMetric, ds: date, limits: Thresholds) -> list[Problem]:
    """Rankers whose mean prediction is out of bounds."""
    found = []
    for role, row in metrics.get("calibration", {}).items():
        ratio = row["value"]
        if (
            role != "difference"
            and ratio is not None
            and not limits.calibration.low <= ratio <= limits.calibration.high
        ):
            said = f"{ds}: the {role} predicts {ratio:.2f} times the clicks of rows shown first"
            found.append(Problem(severity="warning", said=said, href=f"/day/{ds}"))
    return found


def _skew(look: Look, limits: Thresholds) -> list[Problem]:
    rows = look(skew_by_day)
    newest = max((row["ds"] for row in rows), default=None)
    return [
        Problem(
            severity="critical" if row["kind"] == "live" else "warning",
            said=f"{row['ds']}: of served values of {row['worst']}, {100 * row['worst_share']:.1f} % are the lake's",
            href="/data#skew",
        )
        for row in rows
        if row["ds"] == newest and row["worst_share"] is not None and row["worst_share"] < limits.skew.match
    ]


def _watched(look: Look, ds: date) -> list[Problem]:
    """Open alerts; without any table of them what monitoring found on the day."""
    kept = look(alerts)
    if kept is None:
        return _findings(look, ds)
    return [
        Problem(severity=_OF_ALERTS.get(alert["severity"], "warning"), said=alert["detail"], href="/runs#alerts")
        for alert in kept
        if alert["closed_ds"] is None
    ]


def _findings(look: Look, ds: date) -> list[Problem]:
    rows = look(findings, ds)
    worst: Severity = "critical" if any(row["severity"] == "critical" for row in rows) else "warning"
    if not rows:
        return []
    more = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
    return [Problem(severity=worst, said=f"{ds}: {rows[0]['detail']}{more}", href="/drift")]
