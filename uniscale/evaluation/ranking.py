"""Places of items within their request, with ties as the average over all orders of the tied items.

Letters: N rows (items of all requests together), R requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where each row stands in its request, best score first.

    Attributes:
        better_N: Rows of the same request with a higher score.
        tied_N: Rows of the same request with the same score, itself included.
    """

    better_N: Array
    tied_N: Array


def place(request_N: Array, score_N: Array) -> Places:
    """Places of the rows within their requests.

    Args:
        request_N: Request of each row, in any order.
        score_N: Finite scores.
    """
    order = np.lexsort((-score_N, request_N))
    request, score = request_N[order], score_N[order]
    new_request = np.r_[True, request[1:] != request[:-1]][: len(order)]
    new_score = new_request | np.r_[True, score[1:] != score[:-1]][: len(order)]
    request_start, group_start = _starts(new_request), _starts(new_score)
    group = np.cumsum(new_score) - 1
    better_N, tied_N = np.empty_like(order), np.empty_like(order)
    better_N[order] = group_start - request_start
    tied_N[order] = np.bincount(group)[group] if len(order) else 0
    return Places(better_N=better_N, tied_N=tied_N)


def _starts(is_new: Array) -> Array:
    starts: Array = np.maximum.accumulate(np.where(is_new, np.arange(len(is_new)), 0))
    return starts


def top_share(places: Places, k: int) -> Array:
    """Share of the orders of tied rows in which a row is among the first k, [N]."""
    share: Array = np.clip((k - places.better_N) / places.tied_N, 0, 1)
    return share


def mean_discount(places: Places, k: int) -> Array:
    """NDCG's discount 1 / log2(1 + place), 0 beyond place k, averaged over the places a row's tie covers, [N]."""
    total = _total_discounts(k)
    first, last = np.minimum(places.better_N, k), np.minimum(places.better_N + places.tied_N, k)
    discount: Array = (total[last] - total[first]) / places.tied_N
    return discount


def ideal_discount(num_relevant_R: Array, k: int) -> Array:
    """Sum of the discounts when the relevant rows come first, [R]."""
    total: Array = _total_discounts(k)[np.minimum(num_relevant_R, k)]
    return total


def _total_discounts(k: int) -> Array:
    total: Array = np.r_[0, np.cumsum(1 / np.log2(np.arange(2, k + 2)))]
    return total


def hit_chance(request_N: Array, is_hit_N: Array, places: Places, k: int, num_requests: int) -> Array:
    """Chance that at least one hit is among the first k of its request, over all orders of tied rows, [R]."""
    surely = is_hit_N & (places.better_N + places.tied_N <= k)
    chance_R = (np.bincount(request_N[surely], minlength=num_requests) > 0).astype(float)
    cut = (places.better_N < k) & (places.better_N + places.tied_N > k)  # at most one tie per request is cut
    slots_R, tied_R = np.zeros(num_requests, int), np.zeros(num_requests, int)
    slots_R[request_N[cut]], tied_R[request_N[cut]] = (k - places.better_N)[cut], places.tied_N[cut]
    misses_R = tied_R - np.bincount(request_N[cut & is_hit_N], minlength=num_requests)
    miss_chance_R = np.ones(num_requests)
    for drawn in range(k):
        drawing = drawn < slots_R
        left = np.maximum(misses_R - drawn, 0) / np.maximum(tied_R - drawn, 1)
        miss_chance_R *= np.where(drawing, left, 1.0)
    hit_chance_R: Array = np.maximum(chance_R, 1 - miss_chance_R)
    return hit_chance_R
