"""Runs: seconds by step over days, what failed and was tried again, alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime

from uniscale.pipeline.progress import changes
from uniscale.pipeline.steps import DAY_STEPS
from uniscale.ui.charts.bars import column_chart
from uniscale.ui.charts.lines import Line, Point, line_chart
from uniscale.ui.queries.alerts import alerts
from uniscale.ui.queries.judged import Row
from uniscale.ui.queries.steps import timings
from uniscale.ui.reading import Look
from uniscale.ui.site import Context, Site
from uniscale.ui.spans import CHOICES, chosen_span, first_day, parse_day

_MOST_TOLD = 60
"""Days whose files of progress are read."""


def runs(site: Site, look: Look, query: Mapping[str, str]) -> Context:
    """What the page of the runs shows.

    Raises:
        ValueError: ``days`` or ``day`` is no choice.
    """
    span = chosen_span(query, "28")
    days = look(timings)
    if not days and not _started(site):
        return {"empty": "days"}
    first = first_day(span, list(days))
    shown = {ds: steps for ds, steps in days.items() if ds >= first}
    newest = max(days, default=None)
    asked = parse_day(query["day"]) if "day" in query else newest
    told = {ds: _told(site, ds) for ds in sorted({*shown, *_started(site)}, reverse=True)[:_MOST_TOLD]}
    return {
        "span": span,
        "choices": CHOICES,
        "steps": DAY_STEPS,
        "groups": list(dict.fromkeys(step.group for step in DAY_STEPS)),
        "seconds": _seconds(shown),
        "memory": _memory(shown),
        "rows": [_row(ds, days.get(ds, {}), told[ds]) for ds in told],
        "alerts": look(alerts),
        "day": asked,
        "events": _events(site, asked) if asked else [],
        "day_steps": days.get(asked, {}) if asked else {},
    }


def _started(site: Site) -> list[date]:
    """Days of which something was told, also those without a finished step."""
    folder = site.settings.home / "runs"
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            found.append(date.fromisoformat(path.name))
        except ValueError:
            continue
    return found


def _told(site: Site, ds: date) -> Context:
    """How often steps failed, were started again, and were found done."""
    found = changes(site.settings, ds, 0.0)
    started = Counter(change.step for change in found if change.state == "running")
    return {
        "failures": [change for change in found if change.state == "failed"],
        "retries": sum(count - 1 for count in started.values()),
        "is_running": bool(found) and found[-1].state == "running",
        "last": found[-1] if found else None,
    }


def _seconds(shown: Mapping[date, Mapping[str, Row]]) -> object:
    groups: dict[str, list[float]] = {step.group: [] for step in DAY_STEPS}
    for steps in shown.values():
        for group, values in groups.items():
            names = [step.name for step in DAY_STEPS if step.group == group]
            values.append(sum(steps[name]["seconds"] for name in names if name in steps))
    return column_chart(list(shown), groups, "Seconds by run and group of steps", unit=" s")


def _memory(shown: Mapping[date, Mapping[str, Row]]) -> object:
    points = [Point(ds=ds, value=max(row["peak_mib"] for row in steps.values())) for ds, steps in shown.items()]
    return line_chart([Line(name="peak memory, MiB", style="champion", points=points)], "Peak memory by run, MiB")


def _row(ds: date, steps: Mapping[str, Row], told: Context) -> Context:
    return {
        "ds": ds,
        "done": sum(step.name in steps for step in DAY_STEPS),
        "of": len(DAY_STEPS),
        "seconds": sum(row["seconds"] for row in steps.values()),
        "slowest": max(steps.values(), key=lambda row: row["seconds"], default=None),
        **told,
    }


def _events(site: Site, ds: date) -> list[Context]:
    """What a day told, newest first."""
    return [
        {"change": change, "at": datetime.fromtimestamp(change.at, tz=UTC)}
        for change in reversed(changes(site.settings, ds, 0.0)[-80:])
    ]
