"""How a ranker is fitted: everything that decides the weights beside the model, the data and the seed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Optimisation of one run.

    Attributes:
        epochs: Passes over the training set.
        batch_requests: Requests of a global batch, over all workers; each carries some tens of rows.
        embedding_rate: Learning rate of row-wise Adagrad, on embedding tables.
        dense_rate: Learning rate of Adam, on everything else.
        warmup_steps: Steps over which both rates rise linearly from zero.
        clip_norm: Largest L2 norm of the dense gradient; a longer one is scaled down to it.
        log_steps: Steps per point of the loss curve.
        checkpoint_steps: Steps between checkpoints.
    """

    epochs: int
    batch_requests: int
    embedding_rate: float
    dense_rate: float
    warmup_steps: int
    clip_norm: float = 10.0
    log_steps: int = 20
    checkpoint_steps: int = 400

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_requests", "log_steps", "checkpoint_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")
        for name in ("embedding_rate", "dense_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} must be positive")
        if self.warmup_steps < 0:
            raise ValueError(f"warmup_steps={self.warmup_steps} must not be negative")
