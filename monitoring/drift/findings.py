"""What stands out in a day's profiles, against those of the same populations in the days before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from statistics import median
from typing import Any

from monitoring.drift.measures import BY_KIND, Measured, Profile, new_values, volume
from monitoring.drift.sentences import sentence
from uniscale.config.thresholds import DriftThresholds
from uniscale.contracts.monitor import BY_LABEL_AGE, ROWS

_GIVEN_DOMAIN = "domain_given"
"""Column of rejected rows: the domain they name, which is not declared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A row of ``monitor.findings``, without its day and the parts of the population's name."""

    population: str
    column_name: str
    what: str
    value: float
    expected: float | None
    effect: float
    score: float | None
    limit: float | None
    num_days: int
    severity: str
    detail: str


Day = Mapping[tuple[str, str], Profile]
"""Profiles of a day by population and column."""


def find(
    ds: date, profiles: Mapping[date, Day], domains: Collection[str], limits: DriftThresholds
) -> list[dict[str, Any]]:
    """Findings of a day, worst first.

    Args:
        ds: The day.
        profiles: Of the day and of the days before it, as far as there are any.
        domains: Declared domains.
        limits: When something stands out.

    Returns:
        Rows of ``monitor.findings``.
    """
    today = profiles.get(ds, {})
    before = {day: profiles[day] for day in sorted(profiles) if day < ds}
    parts = {one["population"]: one for day in (*before.values(), today) for one in day.values()}
    found = [*_populations(today, before, domains, limits), *_columns(ds, today, before, limits)]
    names = ("population", "stage", "domain", "provenance", "query_tier")
    rows = [{"ds": ds, **asdict(one), **{name: parts[one.population][name] for name in names}} for one in found]
    return sorted(rows, key=lambda row: (row["severity"], -(row["score"] or float("inf")), str(row["population"])))


def _populations(
    today: Day, before: Mapping[date, Day], domains: Collection[str], limits: DriftThresholds
) -> Iterator[Finding]:
    """Populations that came or went, and domains that nobody declared."""
    here = _by_population(today)
    then = {day: _by_population(profiles) for day, profiles in before.items()}
    for name in sorted({name for day in then.values() for name in day} - here.keys()):
        stage = next(day[name]["stage"] for day in then.values() if name in day)
        days = [day for day in then.values() if any(one["stage"] == stage for one in day.values())]
        sizes = [day[name]["num_requests"] if name in day else 0 for day in days]
        expected = median(day[name]["num_rows"] for day in days if name in day)
        if len(days) >= limits.min_days and median(sizes) >= limits.min_requests:
            yield _standing(name, "missing_population", 0, expected, num_days=len(days), severity="critical")
    for name, one in sorted(here.items()):
        days = [day for day in then.values() if any(known["stage"] == one["stage"] for known in day.values())]
        is_new = not any(name in day for day in then.values()) and one["num_requests"] >= limits.min_requests
        if one["domain"] is not None and one["domain"] not in domains:
            yield _standing(name, "new_domain", one["num_rows"], None, num_days=len(days), severity="critical")
        elif is_new and max(len(days), len(before) if one["stage"] == "rejected" else 0) >= limits.min_days:
            yield _standing(name, "new_population", one["num_rows"], 0, num_days=len(days), severity="warning")
    for (name, column), one in sorted(today.items()):
        if column == _GIVEN_DOMAIN and one["top_values"]:
            rows, names = sum(one["top_counts"]), ", ".join(one["top_values"])
            yield _standing(name, "new_domain", rows, None, num_days=0, severity="critical", column=column, names=names)


def _columns(ds: date, today: Day, before: Mapping[date, Day], limits: DriftThresholds) -> Iterator[Finding]:
    done = set()
    for (population, column), one in sorted(today.items()):
        days, then = _reference(ds, one, column, before, limits)
        if len(days) < limits.min_days or one["num_requests"] < limits.min_requests:
            continue
        if population not in done:
            done.add(population)
            yield from _judged(one, ROWS, "volume", volume(ds, one, days, then), num_days=len(days), limits=limits)
        for what, measure in BY_KIND[one["kind"]].items():
            if what == "null_rate" or min(_known(profile) for profile in (one, *then)) >= limits.min_rows:
                yield from _judged(one, column, what, measure(ds, one, days, then), num_days=len(days), limits=limits)
        if one["kind"] == "category":
            part, num_days, names = new_values(one, then, limits.min_requests)
            if part >= limits.floors["new_values"] and num_days >= limits.min_days:
                yield _standing(
                    population,
                    "new_values",
                    part,
                    0,
                    num_days=num_days,
                    severity=_severity("new_values", part, limits),
                    column=column,
                    names=", ".join(names[:5]),
                )


def _reference(
    ds: date, one: Profile, column: str, before: Mapping[date, Day], limits: DriftThresholds
) -> tuple[list[date], list[Profile]]:
    """Days to compare with: those whose labels were as young as today's, where there are enough of them.

    Where rows themselves come from labels, others say nothing of today.
    """
    key = (one["population"], column)
    days = [day for day, profiles in before.items() if key in profiles and profiles[key]["num_requests"] > 0]
    if one["label_as_of"] is not None:
        as_young = [day for day in days if _label_age(day, before[day][key]) == _label_age(ds, one)]
        if len(as_young) >= limits.min_days or one["provenance"] in BY_LABEL_AGE:
            days = as_young
    return days, [before[day][key] for day in days]


def _judged(
    one: Profile, column: str, what: str, found: Measured | None, *, num_days: int, limits: DriftThresholds
) -> Iterator[Finding]:
    limit = limits.limits[what] * (1 + limits.few_days / num_days)
    if found is None or abs(found.effect) < limits.floors[what] or found.score < limit:
        return
    yield Finding(
        population=one["population"],
        column_name=column,
        what=what,
        value=found.value,
        expected=found.expected,
        effect=found.effect,
        score=found.score,
        limit=limit,
        num_days=num_days,
        severity=_severity(what, found.effect, limits),
        detail=sentence(what, one["population"], column, found.value, found.expected),
    )


def _standing(
    population: str,
    what: str,
    value: float,
    expected: float | None,
    *,
    num_days: int,
    severity: str,
    column: str = ROWS,
    names: str = "",
) -> Finding:
    """A finding that needs no variation to be judged by."""
    return Finding(
        population=population,
        column_name=column,
        what=what,
        value=float(value),
        expected=None if expected is None else float(expected),
        effect=float(value - (expected or 0)),
        score=None,
        limit=None,
        num_days=num_days,
        severity=severity,
        detail=sentence(what, population, column, value, expected, names=names),
    )


def _severity(what: str, effect: float, limits: DriftThresholds) -> str:
    return "critical" if abs(effect) >= limits.critical[what] else "warning"


def _by_population(day: Day) -> dict[str, Profile]:
    return {population: one for (population, _), one in day.items()}


def _label_age(day: date, one: Profile) -> int | None:
    return None if one["label_as_of"] is None else (one["label_as_of"].date() - day).days


def _known(one: Profile) -> int:
    return int(one["num_rows"] - one["num_nulls"])
