"""How a ranker is fitted: everything that decides the weights apart from the model, the data and the seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from uniscale.contracts.tasks import TASK_NAMES
from uniscale.contracts.training import OBSERVATIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Optimisation of one run.

    Attributes:
        epochs: Passes over the training set.
        steps: Steps of the run, whatever passes they make; default those of the epochs.
        batch_requests: Requests of a global batch, over all workers; each carries some tens of rows.
        embedding_rate: Learning rate of row-wise Adagrad, on embedding tables.
        dense_rate: Learning rate of Adam, on everything else.
        warmup_steps: Steps over which both rates rise linearly from zero.
        domain_shares: Share of every domain in each batch, by name, together 1; default as in the training set.
        task_weights: What the loss of a task counts, by name; 1 for tasks that are not named.
        observation: How labels are taken to be observed, one of `OBSERVATIONS`.
        clip_norm: Largest L2 norm of the dense gradient; a longer one is scaled down to it.
        log_steps: Steps per point of the loss curve.
        checkpoint_steps: Steps between checkpoints.
    """

    epochs: int
    batch_requests: int
    embedding_rate: float
    dense_rate: float
    warmup_steps: int
    domain_shares: Mapping[str, float] | None = None
    task_weights: Mapping[str, float] | None = None
    steps: int | None = None
    observation: str = "off"
    clip_norm: float = 10.0
    log_steps: int = 20
    checkpoint_steps: int = 400

    def __post_init__(self) -> None:
        for name in ("epochs", "steps", "batch_requests", "log_steps", "checkpoint_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        for name in ("embedding_rate", "dense_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} must be positive")
        if self.warmup_steps < 0:
            raise ValueError(f"warmup_steps={self.warmup_steps} must not be negative")
        shares = self.domain_shares
        if shares is not None and (min(shares.values()) < 0 or not math.isclose(sum(shares.values()), 1)):
            raise ValueError(f"domain_shares={dict(shares)} must not be negative, and together be 1")
        if self.observation not in OBSERVATIONS:
            raise ValueError(f"observation={self.observation!r} is unknown; use one of {', '.join(OBSERVATIONS)}")
        weights = self.task_weights or {}
        if not weights.keys() <= set(TASK_NAMES) or min(weights.values(), default=0) < 0:
            raise ValueError(
                f"task_weights={dict(weights)} must name tasks out of {', '.join(TASK_NAMES)} and must not be negative"
            )


ANY_OPTIMISATION = TrainConfig(epochs=1, batch_requests=1, embedding_rate=1.0, dense_rate=1.0, warmup_steps=0)
"""One that changes can be tried on before it is known which they are of."""


def changed(train: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """An optimisation with some fields set otherwise, as configuration files write them.

    Raises:
        ValueError: There is no such field, or a value will not do; the message names it.
    """
    from pydantic import TypeAdapter, ValidationError  # where a card is measured there is torch alone

    known = [field.name for field in fields(TrainConfig)]
    unknown = sorted(changes.keys() - set(known))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is no field of the optimisation; there are {', '.join(known)}")
    try:
        return TypeAdapter(TrainConfig).validate_python({**{name: getattr(train, name) for name in known}, **changes})
    except ValidationError as error:
        told = [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors(include_url=False)]
        faults = (f"{name}: {message}" if name else message.removeprefix("Value error, ") for name, message in told)
        raise ValueError("; ".join(faults)) from None
