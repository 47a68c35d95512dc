"""How a measured difference stands: certainly better or worse, not certain, or too thin to say anything.

Pages colour by it, so nothing that the gate calls thin is coloured as certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from uniscale.contracts.metrics import MIN_REQUESTS, Metric

Standing = Literal["better", "worse", "unsure", "thin", "neutral"]

SIGNS: Mapping[Standing, str] = {"better": "▲", "worse": "▼", "unsure": "≈", "thin": "?", "neutral": ""}
"""What tells them apart where colours do not."""

WORDS: Mapping[Standing, str] = {
    "better": "certainly better",
    "worse": "certainly worse",
    "unsure": "not certain",
    "thin": f"too thin: fewer than {MIN_REQUESTS} requests carry it, or it has no interval",
    "neutral": "neither higher nor lower is better",
}


def standing(metric: Metric, difference: Mapping[str, Any]) -> Standing:
    """How the difference of a metric stands.

    Args:
        metric: The metric.
        difference: ``value``, ``ci_low``, ``ci_high`` and ``num_requests`` of challenger - champion.
    """
    low, high = difference["ci_low"], difference["ci_high"]
    if difference["value"] is None or low is None or high is None or difference["num_requests"] < MIN_REQUESTS:
        return "thin"
    if metric.higher_is_better is None:
        return "neutral"
    if low <= 0 <= high:
        return "unsure"
    return "better" if (low > 0) == metric.higher_is_better else "worse"
