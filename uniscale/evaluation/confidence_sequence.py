"""The mean of daily differences, with an interval that holds on all days together, however often it is looked at.

A day's difference between two recipes is their true difference plus what the test requests, the training days and the
seeds brought that day. The variance of the last two is known from the days themselves only, so the interval is a
sequential t-test: a Gaussian mixture over the effect and the right Haar measure over the scale (Wang and Ramdas,
*Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance*, arXiv 2310.03722; for a known
variance it is the normal mixture of Howard et al., *Time-uniform, nonparametric, nonasymptotic confidence sequences*,
Annals of Statistics 2021). Where days are not Gaussian it holds in the sense of *Time-uniform central limit theory and
asymptotic confidence sequences* (Waudby-Smith et al., arXiv 2103.06476), for the mean of what each day could expect.

Day t has the variance phi * u_t, where u_t is declared (test noise, known from the bootstrap, plus that of a retrain)
and phi is estimated. What is declared counts as that of `prior_days` earlier days: few days do not tell a variance.

Letters: H histories, D days.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

POWER = 0.8
"""Chance with which a stated effect is found in the stated days."""

_MAX_DAYS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Pooled:
    """The mean of the differences of some days.

    Attributes:
        value: Mean, days weighted by their declared precision.
        low: Lower bound; minus infinity while there are too few days for any.
        high: Upper bound.
        day_deviation: Standard deviation of a day's difference, of all causes.
        num_days: Days that it rests on.
    """

    value: float
    low: float
    high: float
    day_deviation: float
    num_days: int


def pool(difference_D: Array, variance_D: Array, *, confidence: float, prior_days: float) -> Pooled:
    """Mean and interval after the last of some days, at least one.

    Args:
        difference_D: Differences by day, oldest first.
        variance_D: Their declared variances, > 0.
        confidence: That the true difference lies in the intervals of all days together, in (0, 1).
        prior_days: Days for which the declared variances count.
    """
    bounds = sequence(difference_D[None], variance_D[None], confidence=confidence, prior_days=prior_days)
    value, low, high, deviation = (float(found_HD[0, -1]) for found_HD in bounds)
    return Pooled(value=value, low=low, high=high, day_deviation=deviation, num_days=len(difference_D))


def sequence(
    difference_HD: Array, variance_HD: Array, *, confidence: float, prior_days: float
) -> tuple[Array, Array, Array, Array]:
    """Mean, bounds and deviation of a day after every day of many histories.

    Returns:
        Value, low, high and day_deviation as in `Pooled`, [H, D] each.
    """
    precision_HD = 1 / variance_HD
    days_D = np.arange(1, difference_HD.shape[1] + 1)
    total_HD = np.cumsum(precision_HD, axis=1)
    weighted_HD = np.cumsum(difference_HD * precision_HD, axis=1)
    value_HD = weighted_HD / total_HD
    squares_HD = np.cumsum(difference_HD**2 * precision_HD, axis=1) - weighted_HD * value_HD
    phi_HD = (prior_days + np.maximum(squares_HD, 0)) / (prior_days + days_D - 1)
    width_HD = reach(days_D, confidence=confidence, prior_days=prior_days) * np.sqrt(phi_HD / total_HD)
    return value_HD, value_HD - width_HD, value_HD + width_HD, np.sqrt(phi_HD * days_D / total_HD)


def reach(days_D: Array, *, confidence: float, prior_days: float) -> Array:
    """Half the width of the interval in standard errors, after each number of days; infinite after too few, [D].

    The boundary of the Gaussian-mixture t-martingale with precision c = 1 (an effect as large as a day's deviation):
    with nu degrees of freedom and K = ((n + c) / (c alpha^2))^(1 / (nu + 1)), the square is
    nu (K - 1) / (1 - K c / (n + c)).
    """
    degrees_D = prior_days + days_D - 1
    k_D = ((days_D + 1) / (1 - confidence) ** 2) ** (1 / (degrees_D + 1))
    below_D = 1 - k_D / (days_D + 1)
    square_D = np.divide(degrees_D * (k_D - 1), below_D, out=np.full(len(days_D), np.inf), where=below_D > 0)
    return np.asarray(np.sqrt(square_D))


def days_to_see(
    effect: float, day_deviation: float, num_days: int, *, confidence: float, prior_days: float
) -> int | None:
    """Days, counted from the first, after which a true ``effect`` was found with a chance of at least `POWER`.

    The deviation of a day was itself estimated, so the chance is the mean over what it may be.

    Args:
        effect: The true difference, > 0.
        day_deviation: Deviation of a day's difference, as in `Pooled`.
        num_days: Days that it was estimated from.
        confidence: As in `pool`.
        prior_days: As in `pool`.

    Returns:
        The days; None for more than a thousand.
    """
    days_D = np.arange(1, _MAX_DAYS + 1)
    reach_D = reach(days_D, confidence=confidence, prior_days=prior_days)
    deviation_Q = day_deviation / np.sqrt(_chi_squares(prior_days + num_days - 1))
    standing_DQ = effect * np.sqrt(days_D)[:, None] / deviation_Q - reach_D[:, None]
    is_seen_D = _normal_cdf(standing_DQ).mean(axis=1) >= POWER
    return int(days_D[np.argmax(is_seen_D)]) if is_seen_D.any() else None


def _chi_squares(degrees: float) -> Array:
    """Evenly spaced quantiles of chi squared over its degrees of freedom (Wilson and Hilferty), [Q]."""
    z_Q = np.array([NormalDist().inv_cdf((place + 0.5) / _QUANTILES) for place in range(_QUANTILES)])
    spread = 2 / (9 * degrees)
    return np.asarray(np.maximum(1 - spread + z_Q * np.sqrt(spread), 0.05) ** 3)


def _normal_cdf(values: Array) -> Array:
    """Phi, by the nearest of finely spaced points."""
    return np.asarray(np.interp(values, _GRID, _PHI))


_QUANTILES = 40
_GRID = np.linspace(-6, 6, 1201)
_PHI = np.array([NormalDist().cdf(value) for value in _GRID])
