"""What people are alerted of: `monitoring/alerts.yaml`, checked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from uniscale.checkout import PROJECT_ROOT

RUNBOOKS = PROJECT_ROOT / "docs" / "runbooks"


class Rule(BaseModel):
    """One rule.

    Attributes:
        number: Stands for the rule in talk; never given to another.
        name: Stands for the rule in tables and metrics; never given to another.
        severity: Who has to look; see `uniscale.contracts.alerts.SEVERITIES`.
        signal: What is watched: a name in `uniscale.alerts.signals.SIGNALS`.
        of: Which part of it, if the signal has parts.
        reason: Why somebody has to look.
        runbook: File in docs/runbooks that says what to do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int = Field(gt=0)
    name: str = Field(pattern=r"^[a-z]+(_[a-z]+)*$")
    severity: Literal["page", "ticket", "note"]
    signal: str
    of: tuple[str, ...] = ()
    reason: str = Field(min_length=20)
    runbook: str = Field(pattern=r"^[a-z]+(-[a-z]+)*\.md$")


class Rules(BaseModel):
    """All rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _refuse_twins(self) -> Self:
        for what in ("number", "name"):
            twice = [value for value, count in Counter(getattr(rule, what) for rule in self.rules).items() if count > 1]
            if twice:
                raise ValueError(f"two rules have the {what} {twice[0]!r}; give one of them another")
        return self


def load_rules(file: Path = PROJECT_ROOT / "monitoring" / "alerts.yaml") -> tuple[Rule, ...]:
    """Read the rules of the checkout, in the order of the file.

    Raises:
        ValueError: A key is unknown, missing or out of range, or two rules share a number or name.
    """
    return Rules.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))).rules
