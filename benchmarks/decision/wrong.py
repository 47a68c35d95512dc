"""Gaussian days through the pooled interval, where what the rule supposes of them is right, and where it is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from uniscale.config.settings import GateSettings
from uniscale.evaluation.confidence_sequence import sequence

Array = npt.NDArray[Any]
HISTORIES = 20_000
TEST_NOISE = 0.004


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """How the differences of two equal recipes vary.

    Attributes:
        retraining: Their deviation by retraining over the declared one.
        correlation: Of that of one day with that of the next.
        degrees: Degrees of freedom of Student's t, whose tails it has; None for Gaussian ones.
    """

    retraining: float = 1.0
    correlation: float = 0.0
    degrees: int | None = None


CASES = {
    "as supposed": Case(),
    "retraining moves nothing": Case(retraining=0.0),
    "retraining moves half as much as declared": Case(retraining=0.5),
    "retraining moves twice as much as declared": Case(retraining=2.0),
    "retraining moves four times as much as declared": Case(retraining=4.0),
    "heavy tails (Student's t, 3 degrees)": Case(degrees=3),
    "correlation 0.2 from day to day": Case(correlation=0.2),
    "correlation 0.5 from day to day": Case(correlation=0.5),
}


def false_promotions(case: Case, gate: GateSettings, days: int) -> dict[str, float]:
    """Share of the histories in which either rule promotes within the days."""
    rng = np.random.default_rng(17)
    noise_D = TEST_NOISE / np.sqrt(np.resize([1, 1, 1, 1, 1, 0.5, 0.5], days))
    moved_HD = _retraining(rng, case, (HISTORIES, days)) * case.retraining * gate.retrain_deviation
    difference_HD = moved_HD + noise_D * rng.standard_normal((HISTORIES, days))
    variance_HD = np.broadcast_to(noise_D**2 + gate.retrain_deviation**2, difference_HD.shape)
    _, low_HD, _, _ = sequence(difference_HD, variance_HD, confidence=gate.confidence, prior_days=gate.prior_days)
    return {
        "histories": HISTORIES,
        "pooled": float(np.mean((low_HD > 0).any(axis=1))),
        "by_day": float(np.mean((difference_HD > 1.96 * noise_D).any(axis=1))),
    }


def _retraining(rng: np.random.Generator, case: Case, shape: tuple[int, int]) -> Array:
    """Deviations of variance 1."""
    if case.degrees is not None:
        return rng.standard_t(case.degrees, shape) / np.sqrt(case.degrees / (case.degrees - 2))
    moved_HD = rng.standard_normal(shape)
    for day in range(1, shape[1]):
        moved_HD[:, day] *= np.sqrt(1 - case.correlation**2)
        moved_HD[:, day] += case.correlation * moved_HD[:, day - 1]
    return moved_HD
