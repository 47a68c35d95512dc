"""A recipe: everything that names a trained ranker, except its days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from uniscale.contracts.optimisation import TrainConfig
from uniscale.data.recipe import DataRecipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A model, its data and its optimisation.

    Attributes:
        name: As in the catalogue of recipes, and on the report.
        model: Architecture, a key of the model zoo.
        size: Its size dial: xs, s, m, l or xl.
        data: Which rows it is trained on. Row weights come with the frames.
        train: Optimisation.
        config_changes: Fields of the model's configuration that differ from those of its size: flags of an ablation.
        seed_offset: Added to the installation's seed, for repeated runs of one recipe.
    """

    name: str
    model: str
    size: str
    data: DataRecipe
    train: TrainConfig
    config_changes: Mapping[str, Any] | None = None
    seed_offset: int = 0

    def content(self) -> dict[str, Any]:
        """The recipe as nested plain values, for keys, logs and workers."""
        return asdict(self)

    @staticmethod
    def from_content(content: dict[str, Any]) -> Recipe:
        """The recipe that `content` came from."""
        data, train = DataRecipe(**content["data"]), TrainConfig(**content["train"])
        return Recipe(**{**content, "data": data, "train": train})
