"""Metrics as functions of how often each request counts, so that a thousand resamples cost a few sums.

Letters: B resamples, R requests, N rows. A weight is the number of times a resample holds a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Statistic(Protocol):
    """A metric whose value depends on the weights of the requests."""

    @property
    def num_requests(self) -> int:
        """Requests that carry the metric."""

    def values(self, weights_BR: Array) -> Array:
        """Value per resample, NaN where it is undefined, [B]."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A weighted sum over requests divided by another.

    Attributes:
        numerator_R: Contribution of each request above the line.
        denominator_R: Contribution below it, >= 0.
        num_requests: Requests that carry the metric.
    """

    numerator_R: Array
    denominator_R: Array
    num_requests: int

    def values(self, weights_BR: Array) -> Array:
        """Value per resample, NaN where the denominator is 0, [B]."""
        below = weights_BR @ self.denominator_R
        values: Array = np.divide(
            weights_BR @ self.numerator_R, below, out=np.full(len(below), np.nan), where=below > 0
        )
        return values


class PooledAuc:
    """Area under the ROC curve over all rows together: sorted once, weighted per resample.

    A label may be a probability p: the row then is a positive with weight p and a negative with weight 1 - p. Pairs of
    a row with itself do not count. Tied pairs count half.
    """

    def __init__(self, request_N: Array, label_N: Array, score_N: Array) -> None:
        """Sort the rows.

        Args:
            request_N: Request of each row, in [0, R).
            label_N: 0 or 1, or a probability.
            score_N: Finite scores.
        """
        label_N = np.asarray(label_N, dtype=float)
        negative = np.flatnonzero(label_N < 1)
        negative = negative[np.argsort(score_N[negative], kind="stable")]
        positive = np.flatnonzero(label_N > 0)
        self._negative_request, self._negative = request_N[negative], 1 - label_N[negative]
        self._positive_request, self._positive = request_N[positive], label_N[positive]
        sorted_scores = score_N[negative]
        self._below = np.searchsorted(sorted_scores, score_N[positive], side="left")
        self._not_above = np.searchsorted(sorted_scores, score_N[positive], side="right")
        self._with_itself = label_N[positive] * (1 - label_N[positive])
        self._num_requests = len(np.unique(request_N))

    @property
    def num_requests(self) -> int:
        """Requests with a row."""
        return self._num_requests

    def values(self, weights_BR: Array) -> Array:
        """Value per resample, NaN without a positive or without a negative, [B]."""
        return np.array([self._value(weights_R) for weights_R in weights_BR])

    def _value(self, weights_R: Array) -> float:
        below = np.concatenate([[0.0], np.cumsum(weights_R[self._negative_request] * self._negative)])
        weight = weights_R[self._positive_request]
        with_itself = float(weight @ self._with_itself)
        positive = weight * self._positive
        pairs = float(positive.sum() * below[-1]) - with_itself
        if pairs <= 0:
            return float("nan")
        won = float(positive @ (below[self._below] + below[self._not_above]) - with_itself) / 2
        return won / pairs


def request_auc(request_N: Array, label_N: Array, score_N: Array, num_requests: int) -> tuple[Array, Array]:
    """AUC within each request.

    Args:
        request_N: Request of each row, in [0, R).
        label_N: 0 or 1, or a probability (as in `PooledAuc`).
        score_N: Finite scores.
        num_requests: R.

    Returns:
        AUC per request (0 where it is undefined), and whether it is defined, both [R].
    """
    order = np.lexsort((score_N, request_N))
    request, score, label = request_N[order], score_N[order], np.asarray(label_N, dtype=float)[order]
    key = np.cumsum(np.r_[False, (request[1:] != request[:-1]) | (score[1:] != score[:-1])][: len(order)])
    lower = np.concatenate([[0.0], np.cumsum(1 - label)])
    below = lower[np.searchsorted(key, key, side="left")]
    not_above = lower[np.searchsorted(key, key, side="right")]
    first = np.searchsorted(request, request, side="left")
    with_itself = label * (1 - label)
    won = label * ((below + not_above) / 2 - lower[first]) - with_itself / 2
    won_R, positive_R, negative_R, itself_R = (
        np.bincount(request, weights=values, minlength=num_requests) for values in (won, label, 1 - label, with_itself)
    )
    pairs_R = positive_R * negative_R - itself_R
    is_defined = pairs_R > 1e-12
    return np.divide(won_R, pairs_R, out=np.zeros(num_requests), where=is_defined), is_defined
