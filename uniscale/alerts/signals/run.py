"""Whether days run to their end, and whether there is room for them."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

from uniscale.alerts.look import Firing, Look
from uniscale.contracts.alerts import CHECKS
from uniscale.contracts.days import every_day
from uniscale.contracts.outcomes import DECISIONS
from uniscale.contracts.schema import Table
from uniscale.pipeline.incidents import incidents
from uniscale.pipeline.progress import Change, changes, progress_file
from uniscale.pipeline.steps import DAY_STEPS

_OF_A_DAY = ("daily_retraining", "monitoring")
"""DAGs whose tasks are the steps of a day."""


def day_missing(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """The day, and earlier ones that were started or looked at, if they have no decision."""
    del parts
    first = look.ds - timedelta(days=look.limits.upkeep.missing_days - 1)
    judged, looked_at = (_days(look, table, first) for table in (DECISIONS, CHECKS))
    return [
        Firing(
            subject=day.isoformat(),
            value=float((look.ds - day).days),
            detail=f"the run of {day} has not come to its decision: nothing newer than the day before can serve",
        )
        for day in every_day(first, look.ds)
        if day not in judged and (day == look.ds or day in looked_at or progress_file(look.settings, day).is_file())
    ]


def failed_step(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Steps of the day, of some groups, whose last run failed."""
    last: dict[str, Change] = {change.step: change for change in changes(look.settings, look.ds, since=0.0)}
    return [
        Firing(subject=step.name, detail=f"{step.title}: {last[step.name].message}")
        for step in DAY_STEPS
        if step.group in parts and step.name in last and last[step.name].state == "failed"
    ]


def incident(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Tasks of the scheduler whose last word on a day of the week before is that they failed, or wait for logs.

    Steps of the day tell by themselves, see `failed_step`; the task ``pages`` fails because of alerts.
    """
    first = (look.ds - timedelta(days=look.limits.upkeep.missing_days - 1)).isoformat()
    own = {"pages", *(step.name for step in DAY_STEPS)}
    last = {one.place: one for one in incidents(look.settings)}
    return [
        Firing(
            subject=f"{one.dag}.{one.task} {one.ds}".strip(), detail=f"{one.dag}.{one.task} of {one.ds}: {one.message}"
        )
        for one in last.values()
        if one.kind in parts and (one.ds >= first or not one.ds) and not (one.dag in _OF_A_DAY and one.task in own)
    ]


def disk_full(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Disks of the installation on which too little is free, now."""
    del parts
    home, data = look.settings.home, look.settings.lake_data_path
    places = {"home": home} if "://" in data else {"home": home, "lake.data_path": Path(data)}
    found, seen = [], set()
    for name, place in places.items():
        device = place.stat().st_dev
        usage = shutil.disk_usage(place)
        if device not in seen and usage.free < look.limits.upkeep.free_disk * usage.total:
            detail = f"{usage.free / 2**30:.1f} of {usage.total / 2**30:.1f} GiB are free where {name} = {place} is"
            found.append(Firing(subject=name, value=usage.free / usage.total, detail=detail))
        seen.add(device)
    return found


def _days(look: Look, table: Table, first: date) -> set[date]:
    """Days of a table from one on."""
    if not look.has(table):
        return set()
    return {row["ds"] for row in look.rows(f"select distinct ds from lake.{table.qualified} where ds >= ?", first)}
