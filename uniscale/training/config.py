"""How a ranker is fitted: everything that decides the weights apart from the model, the data and the seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from uniscale.contracts.training import OBSERVATIONS, WORDS, check_word
from uniscale.models.batch import TASKS


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
        if not weights.keys() <= set(TASKS) or min(weights.values(), default=0) < 0:
            raise ValueError(
                f"task_weights={dict(weights)} must name tasks out of {', '.join(TASKS)} and must not be negative"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """This process among the workers of a run, and how it computes.

    Attributes:
        rank: Place, in [0, world_size).
        world_size: Workers.
        device: Torch device.
        precision: ``fp32``; ``bf16_products``, fp32 tensors whose matrix products are computed as in `quick_products`;
            or ``bf16``, matrix products and what follows them under autocast.
        compiled: Compile the blocks of the ranker (`torch.compile`).
        tables: How embedding tables are held: ``torch``, whole on every worker; ``sharded``, by row over the workers;
            ``fbgemm``, whole on the only worker, looked up and updated by one fused kernel.
        dense: How all other parameters are held: ``replicated``, or ``sharded`` over the workers (FSDP2).
    """

    rank: int = 0
    world_size: int = 1
    device: str = "cpu"
    precision: str = "fp32"
    compiled: bool = False
    tables: str = "torch"
    dense: str = "replicated"

    def __post_init__(self) -> None:
        for name in WORDS:
            check_word(name, getattr(self, name))
        if self.tables == "fbgemm" and self.world_size > 1:
            raise ValueError(
                "tables=fbgemm updates tables within the backward pass, before gradients of workers are added up; "
                "use one worker, or tables=torch"
            )
        if "sharded" in (self.tables, self.dense) and self.world_size == 1:
            raise ValueError("sharded parameters need more than one worker; use tables=torch and dense=replicated")
