"""What a ranker's module may offer apart from its output. A ranker finds these among its modules; none is required."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Scheduled(Protocol):
    """Changes while training goes on, by a schedule."""

    def set_progress(self, progress: float) -> None:
        """Told before every training step how much of the training is done, in [0, 1]."""


@runtime_checkable
class Penalised(Protocol):
    """Adds a term of its own to the training loss."""

    def penalty(self) -> Tensor:
        """Mean over the items of the last forward pass, already times its coefficient; a scalar with a gradient."""


@runtime_checkable
class Diagnosed(Protocol):
    """Has figures that tell whether it works as meant."""

    def diagnose(self) -> dict[str, float]:
        """Figures since the last call, by name."""


@runtime_checkable
class PartlyActive(Protocol):
    """Holds dense parameters, or rows of a table, of which an item uses only some."""

    def num_inactive(self) -> int:
        """Parameters of this module that the scoring of one item does not use."""


@runtime_checkable
class Prunable(Protocol):
    """Holds parts that the scoring of one domain does not need."""

    def prune(self, domain: int) -> None:
        """Drop what items of other domains, or only training, need; the module then scores that domain only."""
