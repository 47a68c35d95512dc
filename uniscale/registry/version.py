"""A registered model version, as the rest of the platform sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version of the registered model ``ranker``.

    Attributes:
        name: Architecture and size, for example ``hhsft-xs``.
        version: Number within the registry, as text.
        ds: Day of the run it was trained for (the last training day).
        role: What it was trained as: ``champion``, ``challenger``, or another word for a run by hand.
        recipe: The recipe's content.
        num_params: Trainable parameters, embeddings included.
        snapshot_id: Lake snapshot it was trained on.
        code_version: Code it was trained by.
        key: Training key: hash of all that decides its weights.
        run_id: MLflow run that trained it.
        source: Where its artefacts are.
    """

    name: str
    version: str
    ds: date
    role: str
    recipe: Mapping[str, Any]
    num_params: int
    snapshot_id: int
    code_version: str
    key: str
    run_id: str
    source: str

    def tags(self) -> dict[str, str]:
        """What the registry stores beside the number, the run and the source."""
        return {
            "model_name": self.name,
            "ds": self.ds.isoformat(),
            "role": self.role,
            "num_params": str(self.num_params),
            "snapshot_id": str(self.snapshot_id),
            "code_version": self.code_version,
            "training_key": self.key,
        }
