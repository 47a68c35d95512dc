"""Days of a small search shop with two rankers whose true difference is set: requests, clicks, scores.

A row has an appeal u ~ N(0, 1) and is clicked with the chance sigmoid(u - 1). A ranker scores it a * u + noise; most of
the noise is shared by both rankers, as that of two models on the same data is. Retraining moves a from day to day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from uniscale.evaluation.bootstrap import resample
from uniscale.evaluation.metrics import gauc, grouped_auc

Array = npt.NDArray[Any]
ROWS = 8
SKILL = 1.0
OWN_NOISE = 0.15


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """What a day is made of.

    Attributes:
        requests: Test requests of a weekday; a weekend day has half.
        retraining: Standard deviation of the true difference in GAUC over days, both rankers together.
        effect: Mean of the true difference.
        resamples: Bootstrap resamples.
    """

    requests: int
    retraining: float
    effect: float
    resamples: int = 200


def gauc_per_skill(rng: np.random.Generator, requests: int = 200_000) -> float:
    """How much GAUC a unit of skill gives, around `SKILL`."""
    request_N, clicked_N, appeal_N, shared_N = _rows(rng, requests)
    noise_N = OWN_NOISE * rng.standard_normal(len(appeal_N))
    low, high = (gauc(request_N, clicked_N, skill * appeal_N + shared_N + noise_N) for skill in (0.9, 1.1))
    assert low is not None and high is not None, "a large test set defines GAUC"
    return (high - low) / 0.2


def measure_day(rng: np.random.Generator, shop: Shop, day: int, slope: float) -> dict[str, Any]:
    """A day's row as in ``ml.comparisons``: what the evaluation of the platform says of the two rankers."""
    count = shop.requests // (2 if day % 7 >= 5 else 1)
    request_N, clicked_N, appeal_N, shared_N = _rows(rng, count)
    gain = (shop.effect + shop.retraining * rng.standard_normal()) / slope
    scores = {
        role: (SKILL + moved) * appeal_N + shared_N + OWN_NOISE * rng.standard_normal(len(appeal_N))
        for role, moved in (("baseline", 0.0), ("candidate", gain))
    }
    named = {role: grouped_auc(request_N, clicked_N, score_N, count) for role, score_N in scores.items()}
    drawn = resample(named, count, num_resamples=shop.resamples, seed=int(rng.integers(2**31)))
    difference = drawn["candidate"].minus(drawn["baseline"], 0.95)
    return {
        "metric": "gauc",
        "slice": "all",
        "baseline": drawn["baseline"].value,
        "candidate": drawn["candidate"].value,
        "difference": difference.value,
        "ci_low": difference.low,
        "ci_high": difference.high,
        "standard_error": difference.standard_error,
        "num_requests": difference.num_requests,
    }


def _rows(rng: np.random.Generator, requests: int) -> tuple[Array, Array, Array, Array]:
    appeal_N = rng.standard_normal(requests * ROWS)
    clicked_N = rng.random(len(appeal_N)) < 1 / (1 + np.exp(1 - appeal_N))
    return np.repeat(np.arange(requests), ROWS), clicked_N, appeal_N, rng.standard_normal(len(appeal_N))
