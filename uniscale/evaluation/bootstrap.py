"""Percentile bootstrap over requests; two rankers are compared on the same resamples.

Requests, not rows, are drawn: rows of one request share their user, query and labels' fate. Requests of one user are
treated as independent, which makes intervals a little too narrow where few users ask often.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from uniscale.evaluation.metrics import value_of
from uniscale.evaluation.outcomes import Array
from uniscale.evaluation.statistic import Statistic

K = TypeVar("K", bound=Hashable)
_CHUNK_BYTES = 64 * 2**20
_MAX_UNDEFINED = 0.05
_POWER = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A metric, or a difference of two, with its interval.

    Attributes:
        value: On the test set itself; None when undefined.
        low: Lower bound of the two-sided interval; None when more than 5 % of the resamples do not define the metric.
        high: Upper bound.
        standard_error: Standard deviation over the resamples, None as for the bounds.
        num_requests: Requests that carry the metric.
    """

    value: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    num_requests: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One ranker's metric on the test set and on the resamples.

    Attributes:
        value: On the test set; None when undefined.
        draws_B: On each resample, NaN where undefined.
        num_requests: Requests that carry the metric.
    """

    value: float | None
    draws_B: Array
    num_requests: int

    def estimate(self, confidence: float) -> Estimate:
        """Value and percentile interval."""
        return _estimate(self.value, self.draws_B, self.num_requests, confidence)

    def minus(self, other: Sample, confidence: float) -> Estimate:
        """Paired difference: resample by resample."""
        known = self.value is not None and other.value is not None
        value = self.value - other.value if self.value is not None and other.value is not None else None
        draws = self.draws_B - other.draws_B if known else np.full(len(self.draws_B), np.nan)
        return _estimate(value, draws, min(self.num_requests, other.num_requests), confidence)


def visible_effect(standard_error: float, confidence: float) -> float:
    """Difference that a test at this confidence would find in 80 % of the test sets of this standard error."""
    normal = NormalDist()
    return (normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(_POWER)) * standard_error


def resample(statistics: Mapping[K, Statistic], num_requests: int, *, num_resamples: int, seed: int) -> dict[K, Sample]:
    """Value metrics on the test set and on resamples of its requests; the same seed gives the same resamples.

    Args:
        statistics: Metrics by name, or by role and name.
        num_requests: Requests of the test set, R.
        num_resamples: Resamples, B.
        seed: Of the draws.
    """
    if num_requests == 0:
        nothing = np.full(num_resamples, np.nan)
        return {name: Sample(value=None, draws_B=nothing, num_requests=0) for name in statistics}
    parts: dict[K, list[Array]] = {name: [] for name in statistics}
    for weights_BR in _weights(num_requests, num_resamples, seed):
        for name, statistic in statistics.items():
            parts[name].append(statistic.values(weights_BR))
    return {
        name: Sample(
            value=value_of(statistic, num_requests),
            draws_B=np.concatenate(parts[name]),
            num_requests=statistic.num_requests,
        )
        for name, statistic in statistics.items()
    }


def by_role(drawn: Mapping[tuple[str, str], Sample]) -> dict[str, dict[str, Sample]]:
    """Samples named by (role, metric) as nested mappings."""
    nested: dict[str, dict[str, Sample]] = {}
    for (role, metric), sample in drawn.items():
        nested.setdefault(role, {})[metric] = sample
    return nested


def _weights(num_requests: int, num_resamples: int, seed: int) -> Iterator[Array]:
    """How often each resample holds each request, in chunks of bounded memory."""
    generator = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_BYTES // (8 * num_requests))
    for start in range(0, num_resamples, chunk):
        count = min(chunk, num_resamples - start)
        drawn = (generator.integers(0, num_requests, num_requests) for _ in range(count))
        yield np.stack([np.bincount(requests, minlength=num_requests) for requests in drawn]).astype(float)


def _estimate(value: float | None, draws_B: Array, num_requests: int, confidence: float) -> Estimate:
    defined = draws_B[~np.isnan(draws_B)]
    if value is None or len(defined) < (1 - _MAX_UNDEFINED) * len(draws_B):
        return Estimate(value=value, low=None, high=None, standard_error=None, num_requests=num_requests)
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Estimate(
        value=value,
        low=float(low),
        high=float(high),
        standard_error=float(np.std(defined, ddof=1)),
        num_requests=num_requests,
    )
