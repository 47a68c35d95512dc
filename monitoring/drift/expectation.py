"""What the last days let expect of today, and how far days usually are from what was to be expected of them.

A robust line through the days (Theil, 1950; Sen, 1968): what grows with the age of the log, as windowed counts and ages
do while it is young, is expected to go on growing. Where a weekday was seen often enough, its usual distance from the
line is added.

Letters: K days, J numbers that are expected together (the quantiles of a column, the shares of its values).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MIN_TREND_DAYS = 5
"""Days from which a trend is looked for; a line through fewer follows their noise."""
MIN_WEEKDAYS = 3
"""Days of today's weekday from which their usual distance from the line is added."""
_MAD = 1.4826
"""Standard deviation over median absolute deviation, of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected.

    Attributes:
        value_J: Of today.
        residual_KJ: What each day had more than was to be expected of it.
        spread: Factor on the residuals' spread: today is not one of the days that the line was drawn through.
    """

    value_J: Floats
    residual_KJ: Floats
    spread: float


def expect(ds: date, days: Sequence[date], values_KJ: Floats) -> Expectation:
    """Expect today's numbers from those of earlier days.

    Args:
        ds: Today.
        days: Days before, at least one, in order.
        values_KJ: Their numbers.
    """
    at_K = np.array([(day - ds).days for day in days], dtype=np.float64)
    slope_J = _slope(at_K, values_KJ) if len(days) >= MIN_TREND_DAYS else np.zeros(values_KJ.shape[1])
    level_J = np.median(values_KJ - at_K[:, None] * slope_J, axis=0)
    residual_KJ = values_KJ - level_J - at_K[:, None] * slope_J
    value_J = level_J.copy()
    for weekday in range(7):
        same_K = np.array([day.weekday() == weekday for day in days])
        if same_K.sum() >= MIN_WEEKDAYS:
            usual_J = np.median(residual_KJ[same_K], axis=0)
            residual_KJ[same_K] -= usual_J
            if weekday == ds.weekday():
                value_J += usual_J
    return Expectation(value_J, residual_KJ, _spread(at_K, slope_J))


def typical(distance_K: Floats) -> float:
    """Usual size of distances from what was expected: root mean square without the largest, maybe a fault's."""
    kept = np.sort(distance_K)[: max(1, len(distance_K) - 1)]
    return float(max(_MAD * np.median(distance_K), np.sqrt(np.mean(kept**2))))


def _slope(at_K: Floats, values_KJ: Floats) -> Floats:
    """Median slope of all pairs of days, per number."""
    first, second = np.triu_indices(len(at_K), k=1)
    rise: Any = (values_KJ[second] - values_KJ[first]) / (at_K[second] - at_K[first])[:, None]
    return np.asarray(np.median(rise, axis=0), dtype=np.float64)


def _spread(at_K: Floats, slope_J: Floats) -> float:
    """Standard error of a new point on the line over that of a point's noise, as of least squares."""
    count = len(at_K)
    if count < 2 or not slope_J.any():
        return sqrt(1 + 1 / count)
    apart_K = at_K - at_K.mean()
    return sqrt(1 + 1 / count + at_K.mean() ** 2 / float((apart_K**2).sum()))
