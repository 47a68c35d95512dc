"""What a metric says of two rankers: on the requests of one day, or over the days on which two recipes met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from uniscale.config.settings import GateSettings
from uniscale.contracts.metrics import CATALOGUE, MIN_REQUESTS
from uniscale.contracts.slices import SLICES, WHOLE
from uniscale.evaluation.confidence_sequence import days_to_see, pool

Row = Mapping[str, Any]
"""A row of ``ml.comparisons``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The difference of a metric, candidate minus baseline, with its interval.

    Attributes:
        metric: Its name.
        slice: Which requests.
        baseline: Value of the baseline, mean over the days; None when undefined.
        candidate: Value of the candidate.
        difference: Their paired difference; None when undefined.
        low: Lower bound; None when there is no interval.
        high: Upper bound.
        num_requests: Requests that carry the metric, all days together.
        num_days: Days that it rests on.
        standard_error: Of the difference on one day; None for several.
        day_deviation: Standard deviation of a day's difference; None for a single day.
    """

    metric: str
    slice: str
    baseline: float | None
    candidate: float | None
    difference: float | None
    low: float | None
    high: float | None
    num_requests: int
    num_days: int
    standard_error: float | None = None
    day_deviation: float | None = None

    @property
    def title(self) -> str:
        """The metric in words."""
        return self.metric if self.slice == WHOLE else f"{self.metric} of {SLICES[self.slice].title}"

    @property
    def scale(self) -> float:
        """What margins and effects are fractions of: 1 for a share, else the baseline's value."""
        return scale_of(self.metric, self.baseline)

    def gains(self) -> tuple[float, float] | None:
        """The interval in the direction in which more is better; None without one."""
        if self.low is None or self.high is None:
            return None
        return (self.low, self.high) if CATALOGUE[self.metric].higher_is_better else (-self.high, -self.low)

    def numbers(self) -> dict[str, Any]:
        """As JSON-like values."""
        return {
            "metric": self.metric,
            "slice": self.slice,
            "baseline": self.baseline,
            "candidate": self.candidate,
            "difference": self.difference,
            "ci_low": self.low,
            "ci_high": self.high,
            "num_requests": self.num_requests,
            "num_days": self.num_days,
            "day_deviation": self.day_deviation,
        }


def scale_of(metric: str, baseline: float | None) -> float:
    """1 for a metric that is a share, else the size of the baseline's value."""
    return 1.0 if CATALOGUE[metric].is_share or baseline is None else abs(baseline)


def days_until(reading: Reading, effect: float, gate: GateSettings) -> int | None:
    """Days after which an effect is found with the stated power, at the deviation that the days have shown.

    Args:
        reading: Of several days.
        effect: In the metric's own unit.
        gate: Confidence, and for how many days the declared deviation counts.
    """
    if not reading.day_deviation or not effect:
        return None
    rule = {"confidence": gate.confidence, "prior_days": gate.prior_days}
    return days_to_see(effect, reading.day_deviation, reading.num_days, **rule)


def of_day(row: Row) -> Reading:
    """What one day says of two versions."""
    return Reading(
        metric=row["metric"],
        slice=row["slice"],
        baseline=row["baseline"],
        candidate=row["candidate"],
        difference=row["difference"],
        low=row["ci_low"],
        high=row["ci_high"],
        num_requests=row["num_requests"],
        num_days=1,
        standard_error=row["standard_error"],
    )


def over_days(rows: Sequence[Row], metric: str, slice_name: str, gate: GateSettings) -> Reading:
    """What the days say of two recipes; days on which fewer than `MIN_REQUESTS` carry the metric do not count.

    Args:
        rows: Of one metric and slice, oldest day first.
        metric: The metric.
        slice_name: The slice.
        gate: Confidence, and what is declared of retraining.
    """
    known = [row for row in rows if row["standard_error"] is not None and row["num_requests"] >= MIN_REQUESTS]
    count = sum(row["num_requests"] for row in known)
    if not known:
        nothing = dict.fromkeys(("baseline", "candidate", "difference", "low", "high"))
        return Reading(metric=metric, slice=slice_name, num_requests=count, num_days=0, **nothing)
    baseline, candidate = (float(np.mean([row[side] for row in known])) for side in ("baseline", "candidate"))
    retraining = gate.retrain_deviation * scale_of(metric, baseline)
    variance_D = np.array([row["standard_error"] ** 2 + retraining**2 for row in known])
    found = pool(
        np.array([row["difference"] for row in known]),
        np.maximum(variance_D, np.finfo(float).tiny),
        confidence=gate.confidence,
        prior_days=gate.prior_days,
    )
    is_bounded = np.isfinite(found.low)
    return Reading(
        metric=metric,
        slice=slice_name,
        baseline=baseline,
        candidate=candidate,
        difference=found.value,
        low=found.low if is_bounded else None,
        high=found.high if is_bounded else None,
        num_requests=count,
        num_days=found.num_days,
        day_deviation=found.day_deviation,
    )
