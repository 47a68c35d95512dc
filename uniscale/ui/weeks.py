"""Metrics by week, where days are too many to be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from math import sqrt

from uniscale.ui.queries.judged import ByMetric, Row

MOST_DAYS = 120
"""Days up to which each is drawn on its own."""

_Z = 1.96


def by_week(days: Mapping[date, ByMetric]) -> dict[date, ByMetric]:
    """Mean of the days of each week, under its last day.

    The interval is that of the mean of independent days. Days without a value or an interval do not count; requests add
    up. A week's version is that of its last day.
    """
    weeks: dict[date, list[ByMetric]] = {}
    for ds, metrics in days.items():
        weeks.setdefault(ds + timedelta(days=6 - ds.weekday()), []).append(metrics)
    return {min(end, max(days)): _merged(metrics) for end, metrics in weeks.items()}


def _merged(days: list[ByMetric]) -> ByMetric:
    named = {(metric, role) for metrics in days for metric, roles in metrics.items() for role in roles}
    found: ByMetric = {}
    for metric, role in named:
        rows = [metrics[metric][role] for metrics in days if role in metrics.get(metric, {})]
        found.setdefault(metric, {})[role] = _mean(rows)
    return found


def _mean(rows: list[Row]) -> Row:
    known = [row for row in rows if row["value"] is not None and row["ci_low"] is not None]
    if not known:
        return rows[-1]
    value = sum(row["value"] for row in known) / len(known)
    errors = [(row["ci_high"] - row["ci_low"]) / (2 * _Z) for row in known]
    half = _Z * sqrt(sum(error**2 for error in errors)) / len(known)
    total = sum(row["num_requests"] for row in known)
    return {**rows[-1], "value": value, "ci_low": value - half, "ci_high": value + half, "num_requests": total}
