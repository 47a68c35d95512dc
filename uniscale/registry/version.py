"""A registered model version, as the rest of the platform sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from uniscale.contracts.days import every_day


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version of the registered model ``ranker``.

    Attributes:
        name: Architecture and size, for example ``hhsft-xs``.
        version: Number within the registry, as text.
        ds: Day of the run it was trained for (the last training day).
        role: What it was trained as: ``champion``, ``challenger``, or another word for a run by hand.
        days: UTC days whose training frames it was trained on, in order; None for a version that was registered
            before versions kept them.
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
    days: tuple[date, ...] | None
    recipe: Mapping[str, Any]
    num_params: int
    snapshot_id: int
    code_version: str
    key: str
    run_id: str
    source: str

    @property
    def recipe_name(self) -> str:
        """What people call the recipe."""
        return str(self.recipe.get("name", self.name))

    @property
    def recipe_key(self) -> str:
        """Hash of what is trained: the recipe without its name, its seed and fields that are not set."""
        told = {name: value for name, value in self.recipe.items() if name not in ("name", "seed_offset")}
        return hashlib.sha256(json.dumps(_set(told), sort_keys=True, default=str).encode()).hexdigest()[:12]

    def tags(self) -> dict[str, str]:
        """What the registry stores in addition to the number, the run and the source."""
        return {
            "model_name": self.name,
            "ds": self.ds.isoformat(),
            "role": self.role,
            **({} if self.days is None else {"days": write_days(self.days)}),
            "num_params": str(self.num_params),
            "snapshot_id": str(self.snapshot_id),
            "code_version": self.code_version,
            "training_key": self.key,
        }


def _set(value: Any) -> Any:
    """A value without the fields that are None, so that a field that recipes get later changes no older one."""
    if isinstance(value, Mapping):
        return {str(name): _set(inner) for name, inner in value.items() if inner is not None}
    return [_set(inner) for inner in value] if isinstance(value, list | tuple) else value


def write_days(days: Sequence[date]) -> str:
    """Days as text, runs of them as ``FIRST..LAST``, separated by commas: short however many there are."""
    spans: list[list[date]] = []
    for day in sorted(set(days)):
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1][1] = day
        else:
            spans.append([day, day])
    return ",".join(f"{first}..{last}" if first != last else str(first) for first, last in spans)


def read_days(text: str) -> tuple[date, ...]:
    """The days that `write_days` wrote; none for an empty text."""
    days: list[date] = []
    for span in filter(None, text.split(",")):
        first, _, last = span.partition("..")
        days += every_day(date.fromisoformat(first), date.fromisoformat(last or first))
    return tuple(days)
