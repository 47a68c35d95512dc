"""The promotion rule: a challenger replaces the champion on evidence only.

Promoted when the two-sided interval of the paired difference in the deciding metric lies wholly on the better side of
0, and that of the guardrail metric does not lie wholly on the worse side. Fewer than `MIN_REQUESTS` requests that carry
the deciding metric are no evidence, whatever they show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from uniscale.contracts.metrics import CATALOGUE, check_metric
from uniscale.evaluation.bootstrap import Estimate

MIN_REQUESTS = 20
"""Percentile intervals are too narrow on few requests: at 95 %, a mean of normal values is covered 93 times in 100 with
20 requests, and 90 times with 10."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One metric of both rankers on the same requests.

    Attributes:
        metric: Its name.
        champion: Value of the champion, None when undefined.
        challenger: Value of the challenger.
        difference: Challenger minus champion, paired.
    """

    metric: str
    champion: float | None
    challenger: float | None
    difference: Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the gate says.

    Attributes:
        decision: ``promoted`` or ``kept``.
        reason: Why, in a sentence with the numbers.
        evidence: The numbers, JSON-like.
    """

    decision: str
    reason: str
    evidence: dict[str, Any]


def decide(deciding: Comparison, guardrail: Comparison, *, confidence: float) -> Verdict:
    """Apply the rule.

    Args:
        deciding: The metric that must be better.
        guardrail: The metric that must not be worse.
        confidence: Of the two-sided intervals in both comparisons, in (0, 1).

    Raises:
        ValueError: A metric is unknown, or has no better direction.
    """
    check_metric(deciding.metric)
    check_metric(guardrail.metric)
    decision, reason = _rule(deciding, guardrail, confidence)
    evidence = {
        "confidence": confidence,
        "min_requests": MIN_REQUESTS,
        **_numbers(deciding, confidence),
        "guardrail": _numbers(guardrail, confidence),
    }
    return Verdict(decision=decision, reason=reason, evidence=evidence)


def _rule(deciding: Comparison, guardrail: Comparison, confidence: float) -> tuple[str, str]:
    difference = deciding.difference
    visible = difference.smallest_visible_effect(confidence)
    if difference.low is None or difference.high is None or difference.num_requests < MIN_REQUESTS:
        effect = "cannot be computed" if visible is None else f"{visible:.4f}"
        return "kept", (
            f"evidence too thin: {_requests(difference.num_requests)} carry {deciding.metric} "
            f"(at least {MIN_REQUESTS} are needed), smallest visible effect {effect}"
        )
    said = _sentence(deciding, confidence)
    if not _is_better(deciding):
        return "kept", f"{said}; not certainly better, smallest visible effect {visible:.4f}"
    if _is_worse(guardrail):
        return "kept", f"{said}; but {_sentence(guardrail, confidence)}: worse"
    if guardrail.difference.low is None:
        return "promoted", f"{said}; {guardrail.metric} could not be measured on these requests"
    return "promoted", f"{said}; {_sentence(guardrail, confidence)}: not certainly worse"


def _is_better(comparison: Comparison) -> bool:
    low, high = comparison.difference.low, comparison.difference.high
    if CATALOGUE[comparison.metric].higher_is_better:
        return low is not None and low > 0
    return high is not None and high < 0


def _is_worse(comparison: Comparison) -> bool:
    low, high = comparison.difference.low, comparison.difference.high
    if CATALOGUE[comparison.metric].higher_is_better:
        return high is not None and high < 0
    return low is not None and low > 0


def _sentence(comparison: Comparison, confidence: float) -> str:
    difference = comparison.difference
    return (
        f"{comparison.metric} {comparison.champion:.4f} -> {comparison.challenger:.4f}, difference "
        f"{difference.value:+.4f} ({confidence * 100:g} % interval {difference.low:+.4f} to {difference.high:+.4f}, "
        f"{_requests(difference.num_requests)})"
    )


def _requests(count: int) -> str:
    return f"{count:,} request{'' if count == 1 else 's'}"


def _numbers(comparison: Comparison, confidence: float) -> dict[str, Any]:
    difference = comparison.difference
    return {
        "metric": comparison.metric,
        "champion": comparison.champion,
        "challenger": comparison.challenger,
        "difference": difference.value,
        "ci_low": difference.low,
        "ci_high": difference.high,
        "num_requests": difference.num_requests,
        "smallest_visible_effect": difference.smallest_visible_effect(confidence),
    }
