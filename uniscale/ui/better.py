"""Is it getting better? What promotions have gained, and how the newest week compares with the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from statistics import stdev
from typing import Any

from uniscale.contracts.metrics import Metric
from uniscale.pipeline.standing import Standing
from uniscale.ui.queries.judged import ByMetric, Row

WEEK = 7
_Z = 1.96


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """Promotions of some days: how many, and the sum of their measured differences with its 95 % bound."""

    count: int
    total: float | None
    bound: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Weeks:
    """Mean of the last days against the days before: difference, its 95 % bound, and how it stands."""

    now: float
    before: float
    bound: float
    standing: Standing


def gained(decided: Mapping[date, Row], metrics: Mapping[date, ByMetric], metric: Metric, first: date) -> Gain:
    """What the promotions from ``first`` on gained, each measured on the requests both rankers were judged on."""
    promoted = [ds for ds, row in decided.items() if row["decision"] == "promoted" and ds >= first]
    rows = [metrics.get(ds, {}).get(metric.name, {}).get("difference") for ds in promoted]
    known = [row for row in rows if row is not None and row["value"] is not None and row["ci_low"] is not None]
    bound = sqrt(sum(_se(row) ** 2 for row in known)) * _Z
    return Gain(count=len(promoted), total=sum(row["value"] for row in known) if known else None, bound=bound)


def last_weeks(rows: Mapping[date, Row], metric: Metric) -> Weeks | None:
    """The champion's last 7 days against the 7 before; None with fewer than 3 measured days on a side.

    Days differ in more than the ranker, so the spread from day to day counts where it is larger than the intervals say.

    Args:
        rows: Rows of the champion by day.
        metric: Their metric.
    """
    if not rows:
        return None
    newest = max(rows)
    now = _known(rows, newest - timedelta(days=WEEK - 1), newest)
    before = _known(rows, newest - timedelta(days=2 * WEEK - 1), newest - timedelta(days=WEEK))
    if min(len(now), len(before)) < 3:
        return None
    means = [sum(row["value"] for row in side) / len(side) for side in (now, before)]
    bound = _Z * sqrt(sum(_mean_se(side) ** 2 for side in (now, before)))
    difference = means[0] - means[1]
    found: Standing = "unsure"
    if metric.higher_is_better is None:
        found = "neutral"
    elif abs(difference) > bound:
        found = "better" if (difference > 0) == metric.higher_is_better else "worse"
    return Weeks(now=means[0], before=means[1], bound=bound, standing=found)


def _known(rows: Mapping[date, Row], first: date, last: date) -> list[Row]:
    return [
        row
        for ds, row in rows.items()
        if first <= ds <= last and row["value"] is not None and row["ci_low"] is not None
    ]


def _se(row: Mapping[str, Any]) -> float:
    return float(row["ci_high"] - row["ci_low"]) / (2 * _Z)


def _mean_se(side: Sequence[Row]) -> float:
    within = sqrt(sum(_se(row) ** 2 for row in side)) / len(side)
    between = float(stdev(row["value"] for row in side)) / sqrt(len(side))
    return max(within, between)
