"""How well values order the clicked rows of requests before the unclicked ones: pairs, shares, a small model.

Letters: P pairs of a clicked and an unclicked row of one request, N rows, F inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

_RIDGE = 1e-3
"""Of the small model, per request; keeps inputs that are copies of each other apart."""
_NEWTON_STEPS = 5
_MAX_FITTED = 2_000
"""Requests that each half of the small model is fitted to; it has few coefficients."""

EXTREMES = np.array([0.0, 0.0, 1.0, 1.0])
"""Shares of requests that standard errors count on top of those seen: two or three that happen to agree prove nothing,
though they do not spread (as in the interval of Agresti and Coull, 1998, for a share)."""

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """A clicked and an unclicked row of one request, for all such pairs of P; requests are numbered from 0.

    Attributes:
        clicked: Places of the clicked rows, [P].
        unclicked: Places of the unclicked ones, [P].
        request: Their requests, [P].
    """

    clicked: Places
    unclicked: Places
    request: Places

    def of(self, values: Array) -> tuple[Array, Array]:
        """Values of the clicked and of the unclicked rows."""
        return values[self.clicked], values[self.unclicked]

    def auc(self, won: Array) -> dict[str, float | None]:
        """Share of the pairs in order, mean over requests, and its standard error (see `EXTREMES`)."""
        shares = np.bincount(self.request, weights=won) / np.bincount(self.request)
        seen = np.concatenate([shares, EXTREMES])
        se = float(seen.std(ddof=1) / sqrt(len(seen))) if len(shares) > 1 else None
        return {"auc": round(float(shares.mean()), 4), "se": None if se is None else round(se, 4)}

    def apart(self, clicked: Array, unclicked: Array) -> dict[str, float | None]:
        """Share in order of all pairs whose values differ, and its standard error; requests are independent, pairs not.

        Over pairs and not over requests: a list of many alike and one other item would count by which one was clicked.
        """
        is_apart = clicked != unclicked
        num_pairs = np.bincount(self.request, weights=is_apart)
        num_won = np.bincount(self.request, weights=clicked > unclicked)
        if num_pairs.sum() == 0 or (num_pairs > 0).sum() == 1:
            return {"apart_auc": None, "apart_se": None}
        share = num_won.sum() / num_pairs.sum()
        usual = np.full(len(EXTREMES), num_pairs[num_pairs > 0].mean())
        of_pairs, won = np.concatenate([num_pairs, usual]), np.concatenate([num_won, usual * EXTREMES])
        error = sqrt(np.square(won - won.sum() / of_pairs.sum() * of_pairs).sum()) / of_pairs.sum()
        return {"apart_auc": round(float(share), 4), "apart_se": round(float(error), 4)}


def pairs_of(request: Places, is_clicked: npt.NDArray[np.bool_]) -> Pairs:
    """All pairs.

    Args:
        request: Request of each row, from 0 on and in order; every request has both kinds of rows, [N].
        is_clicked: Which rows were clicked, [N].
    """
    clicked, unclicked = np.flatnonzero(is_clicked), np.flatnonzero(~is_clicked)
    first = np.searchsorted(request[unclicked], request[clicked], side="left")
    last = np.searchsorted(request[unclicked], request[clicked], side="right")
    count = last - first
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    left = np.repeat(clicked, count)
    return Pairs(clicked=left, unclicked=unclicked[np.repeat(first, count) + within], request=request[left])


def share_won(clicked: Array, unclicked: Array) -> Array:
    """Whether the value of the clicked row is larger, half where they are equal, [P]."""
    return np.asarray((clicked > unclicked) + 0.5 * (clicked == unclicked))


def model_won(values: Array, pairs: Pairs) -> Array:
    """Pairs that a logistic model over the differences of all inputs puts in order, each judged by the other half.

    What is missing takes the mean, and that it is missing is an input too.

    Args:
        values: Inputs of the rows, NaN where missing, [N, F].
        pairs: The pairs.
    """
    is_missing = np.isnan(values)
    known = np.maximum((~is_missing).sum(axis=0), 1)
    mean = np.where(is_missing, 0.0, values).sum(axis=0) / known
    filled = np.column_stack([np.where(is_missing, mean, values), is_missing])
    spread = filled.std(axis=0)
    scaled = filled[:, spread > 0] / spread[spread > 0]
    clicked, unclicked = pairs.of(scaled)
    apart = clicked - unclicked
    weight = 1 / np.bincount(pairs.request)[pairs.request]
    is_even = pairs.request % 2 == 0
    score = np.zeros(len(apart))
    for judged in (is_even, ~is_even):
        fitted = ~judged & (pairs.request < 2 * _MAX_FITTED)
        score[judged] = apart[judged] @ _logistic(apart[fitted], weight[fitted])
    return share_won(np.round(score, 9), np.zeros(len(score)))


def _logistic(apart: Array, weight: Array) -> Array:
    """Coefficients with which differences [P, F] are most probably positive, by Newton's method."""
    coefficients = np.zeros(apart.shape[1])
    ridge = _RIDGE * max(weight.sum(), 1.0) * np.eye(apart.shape[1])
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(apart @ coefficients, -30, 30)))
        slope = apart.T @ (weight * (1 - chance)) - ridge @ coefficients
        curvature = apart.T @ (apart * (weight * chance * (1 - chance))[:, None]) + ridge
        coefficients = coefficients + np.linalg.solve(curvature, slope)
    return coefficients
