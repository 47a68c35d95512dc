"""Guardrails: what another version must not cost.

A guardrail is *held* when its interval lies above the loss that is put up with, *broken* when it lies below, *open*
between, and *unmeasured* when too few requests carry it or there is no interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from uniscale.config.settings import GuardrailSettings
from uniscale.decision.readings import Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Guardrail:
    """A declared guardrail with what was measured.

    Attributes:
        name: As in the settings.
        rule: Metric, slice, margin, least requests, whether it is required.
        reading: What was measured.
        takes_proof: Whether a required one must be held; else it must be measured and not broken.
        days_to_hold: Days after which it is held with the chance `POWER` if nothing is lost; None if not known.
    """

    name: str
    rule: GuardrailSettings
    reading: Reading
    takes_proof: bool
    days_to_hold: int | None = None

    @property
    def margin(self) -> float:
        """Loss that is put up with, in the metric's own unit."""
        return self.rule.margin * self.reading.scale

    @property
    def state(self) -> str:
        """``held``, ``broken``, ``open`` or ``unmeasured``."""
        gains = self.reading.gains()
        if gains is None or self.reading.num_requests < self.rule.min_requests:
            return "unmeasured"
        if gains[0] > -self.margin:
            return "held"
        return "broken" if gains[1] < -self.margin else "open"

    @property
    def stops(self) -> bool:
        """Whether it stands in the way."""
        if self.state == "broken":
            return True
        return self.rule.required and (self.state == "unmeasured" or (self.takes_proof and self.state == "open"))

    def said(self) -> str:
        """What it found, and what to do where it stops for want of evidence."""
        reading, section = self.reading, f"gate.guardrails.{self.name}"
        if self.state == "unmeasured":
            few = f"{reading.title} could not be measured: {reading.num_requests:,} requests carry it"
            if reading.num_requests >= self.rule.min_requests:
                few += " and there is no interval yet"
            else:
                few += f", {self.rule.min_requests} are needed"
            remedy = f"; judge more days (window.eval_days), or set {section}.required = false"
            return few + (remedy if self.stops else "")
        numbers = f"{reading.title} {reading.difference:+.4f} ({reading.low:+.4f} to {reading.high:+.4f})"
        loss = f"{-self.margin:+.4f}"
        if self.state == "open":
            shown = (
                ""
                if self.days_to_hold is None
                else f"; if nothing is lost, that is shown after {self.days_to_hold} days"
            )
            return f"{numbers}: may be worse than {loss}{shown}"
        return f"{numbers}: {'certainly' if self.state == 'broken' else 'not'} worse than {loss}"

    def numbers(self) -> dict[str, Any]:
        """As JSON-like values."""
        return {
            "name": self.name,
            "state": self.state,
            "margin": self.margin,
            "min_requests": self.rule.min_requests,
            "required": self.rule.required,
            "days_to_hold": self.days_to_hold,
            **self.reading.numbers(),
        }
