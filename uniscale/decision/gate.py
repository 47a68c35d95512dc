"""Two questions, two rules.

*Refresh*: the champion's recipe on fresher days. Both versions stand, so what the test requests say of these two is all
there is to know, and the burden of proof lies with the old one: the fresh one serves unless it is certainly worse than
a margin (non-inferiority).

*New recipe*: another recipe serves only if it is certainly better (superiority). The question is about recipes, so
days are pooled by recipe pair, trained on the same days each; the interval holds on all days together, so that looking
every day does not make chance a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from uniscale.config.settings import GateSettings
from uniscale.contracts.metrics import MIN_REQUESTS, check_metric
from uniscale.decision.guardrails import Guardrail
from uniscale.decision.readings import Reading, days_until
from uniscale.evaluation.bootstrap import visible_effect
from uniscale.evaluation.confidence_sequence import reach

RULES = {
    "refresh": "non-inferiority on the day's requests",
    "new_recipe": "superiority over all days, valid at every look",
}
"""The rule that answers each question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a rule says.

    Attributes:
        question: One of `RULES`.
        passes: Whether the candidate may serve.
        said: Why, in a sentence with the numbers.
        evidence: The numbers, JSON-like.
    """

    question: str
    passes: bool
    said: str
    evidence: dict[str, Any]


def judge_refresh(deciding: Reading, guardrails: Sequence[Guardrail], gate: GateSettings) -> Answer:
    """Whether a fresh version may serve: it is not certainly worse than the margin, in the metric and the guardrails.

    Args:
        deciding: The metric on the day.
        guardrails: On the day too.
        gate: Margin and confidence.

    Raises:
        ValueError: The metric cannot decide.
    """
    check_metric(deciding.metric)
    margin = gate.margin * deciding.scale
    gains = deciding.gains()
    if gains is None or deciding.standard_error is None or deciding.num_requests < MIN_REQUESTS:
        said = f"evidence too thin: {_carry(deciding)} ({MIN_REQUESTS} are needed)"
        return _answer("refresh", deciding, guardrails, gate, passes=False, said=said, margin=margin)
    visible = margin + visible_effect(deciding.standard_error, gate.confidence)
    is_worse = gains[1] < -margin
    said = f"{_numbers(deciding, gate, '')}, {_requests(deciding.num_requests)}"
    said += f": {'' if is_worse else 'not '}certainly worse than {-margin:+.4f}"
    said += "" if is_worse else f" (a loss of {visible:.4f} would have been seen)"
    facts = {"margin": margin, "visible_loss": visible}
    return _answer("refresh", deciding, guardrails, gate, passes=not is_worse, said=said, **facts)


def judge_recipe(deciding: Reading, guardrails: Sequence[Guardrail], gate: GateSettings) -> Answer:
    """Whether a new recipe may serve: certainly better over the days, and required guardrails certainly hold.

    Args:
        deciding: The metric over the days on which the two recipes met.
        guardrails: Over the same days.
        gate: Confidence, the effect that is worth a new recipe.

    Raises:
        ValueError: The metric cannot decide.
    """
    check_metric(deciding.metric)
    effect = gate.effect * deciding.scale
    seen = days_until(deciding, effect, gate)
    facts = {"effect": effect, "days_to_see_effect": seen}
    days = f"over {deciding.num_days} day{'' if deciding.num_days == 1 else 's'}"
    gains = deciding.gains()
    if deciding.num_days == 0:
        said = f"evidence too thin: {_carry(deciding)} (at least {MIN_REQUESTS} of a day are needed)"
    elif gains is None:
        said = f"{deciding.metric} {deciding.difference:+.4f} {days}; an interval takes at least {_least_days(gate)}"
    else:
        said = _numbers(deciding, gate, f"{days} ")
    is_better = gains is not None and gains[0] > 0
    if is_better:
        said += ": certainly better"
    elif deciding.num_days:
        said += "" if gains is None else ": not certainly better"
        rate = "more than 1,000 days" if seen is None else f"{seen} days"
        said += f"; at this rate a gain of {effect:.4g} is seen after {rate}"
    return _answer("new_recipe", deciding, guardrails, gate, passes=is_better, said=said, **facts)


def _answer(
    question: str,
    deciding: Reading,
    guardrails: Sequence[Guardrail],
    gate: GateSettings,
    *,
    passes: bool,
    said: str,
    **facts: Any,
) -> Answer:
    """The answer of a rule after the guardrails, which are told of where the metric alone would let it pass."""
    stopping = [guardrail for guardrail in guardrails if guardrail.stops]
    if passes and stopping:
        said += "; but " + "; ".join(guardrail.said() for guardrail in stopping)
    elif passes and guardrails:
        missing = [guardrail.reading.title for guardrail in guardrails if guardrail.state == "unmeasured"]
        said += "; no guardrail stops it" + (f", not measured: {', '.join(missing)}" if missing else "")
    evidence = {
        "rule": RULES[question],
        "confidence": gate.confidence,
        **deciding.numbers(),
        **facts,
        "passes": passes and not stopping,
        "guardrails": [guardrail.numbers() for guardrail in guardrails],
    }
    return Answer(question=question, passes=passes and not stopping, said=said, evidence=evidence)


def _least_days(gate: GateSettings) -> int:
    days_D = np.arange(1, 100)
    return int(days_D[np.isfinite(reach(days_D, confidence=gate.confidence, prior_days=gate.prior_days))][0])


def _numbers(reading: Reading, gate: GateSettings, days: str) -> str:
    return (
        f"{reading.title} {reading.difference:+.4f} {days}({gate.confidence * 100:g} % interval "
        f"{reading.low:+.4f} to {reading.high:+.4f})"
    )


def _carry(reading: Reading) -> str:
    return f"{_requests(reading.num_requests)} carry {reading.title}"


def _requests(count: int) -> str:
    return f"{count:,} request{'' if count == 1 else 's'}"
