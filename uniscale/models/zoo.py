"""All rankers, and how they are built, saved and loaded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch

from uniscale.contracts.features import FEATURE_SERVICES
from uniscale.contracts.frames import NUMERIC, NumericNames
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.models.common.embeddings import EmbeddingSizes
from uniscale.models.dcnv2 import DCNv2
from uniscale.models.dlrm import DLRM
from uniscale.models.hhsft import HHFI, HHSFT
from uniscale.models.hiformer import HiFormer
from uniscale.models.hyformer import HyFormer
from uniscale.models.longer import LONGER
from uniscale.models.mdl import MDL
from uniscale.models.msn import MSN
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.rankmixer import RankMixer, RankMixerMoE
from uniscale.models.size import SIZES, Size
from uniscale.models.unimixer import UniMixer, UniMixingLite
from uniscale.models.wukong import Wukong

MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.pt"

__all__ = [
    "MODELS",
    "SIZES",
    "Ranker",
    "build_model",
    "load_model",
    "num_params",
    "refuse_difference",
    "save_model",
    "size_of",
]


_RANKERS: tuple[type[Ranker], ...] = (
    DLRM,
    DCNv2,
    Wukong,
    HiFormer,
    RankMixer,
    RankMixerMoE,
    UniMixer,
    UniMixingLite,
    MSN,
    MDL,
    LONGER,
    HyFormer,
    HHFI,
    HHSFT,
)
MODELS = {ranker.name: ranker for ranker in _RANKERS}
"""All rankers by name."""


def build_model(
    name: str, size: str, domains: tuple[str, ...], *, config_changes: Mapping[str, Any] | None = None
) -> Ranker:
    """A new ranker; its weights follow from torch's seed.

    Args:
        name: A key of `MODELS`.
        size: A key of `SIZES`.
        domains: Names of the domains.
        config_changes: Fields of the configuration that differ from those of the size, say a flag of an ablation.

    Raises:
        ValueError: No such model, size or field, or no or repeated domains.
    """
    dial, ranker, changes = size_of(size), _ranker(name), config_changes or {}
    check_config_changes(name, changes)
    config = replace(ranker.Config.of(dial), **changes)
    return ranker(config, size=size, domains=tuple(domains), numeric=NUMERIC)


def check_config_changes(name: str, changes: Collection[str]) -> None:
    """Refuse fields that the configuration of a ranker has not.

    Raises:
        ValueError: No such model or field; the message lists the fields.
    """
    known = [field.name for field in fields(_ranker(name).Config) if field.name != "embeddings"]
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise ValueError(
            f"{name} has no field {', '.join(unknown)} in its configuration; its fields are {', '.join(known)}."
        )


def size_of(name: str) -> Size:
    """A size by its name.

    Raises:
        ValueError: There is no such size; the message lists them.
    """
    if name not in SIZES:
        raise ValueError(f"There is no size {name!r}; sizes are {', '.join(SIZES)}.")
    return SIZES[name]


def num_params(model: torch.nn.Module) -> int:
    """Numbers that training sets, embeddings included."""
    return sum(parameter.numel() for parameter in model.parameters())


def save_model(model: Ranker, folder: Path) -> None:
    """Write ``model.json`` (what it is) and ``weights.pt`` (its numbers) into a folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), folder / WEIGHTS_FILE)
    description = {
        "name": model.name,
        "size": model.size,
        "domains": list(model.domains),
        "tasks": list(TASK_NAMES),
        "num_params": num_params(model),
        "feature_services": list(FEATURE_SERVICES),
        "numeric": asdict(model.numeric),
        "config": asdict(model.config),
    }
    (folder / MODEL_FILE).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def load_model(folder: Path) -> Ranker:
    """The ranker that `save_model` wrote, ready to score (in eval mode, on the CPU).

    It is built from the saved configuration, so a model outlives a change of the size table. It reads its numeric
    features by name, so it outlives new ones.

    Raises:
        FileNotFoundError: The folder holds no saved model.
        ValueError: The model was saved by another architecture, has other tasks or reads features that are gone; the
            message tells the difference.
    """
    for name in (MODEL_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} holds no saved model: {name} is missing.")
    saved = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
    ranker = _ranker(saved["name"])
    _refuse_other_tasks(saved, folder)
    config = _read_config(ranker.Config, saved["config"], folder)
    numeric = _read_features(saved, folder)
    model = ranker(config, size=saved["size"], domains=tuple(saved["domains"]), numeric=numeric)
    weights = torch.load(folder / WEIGHTS_FILE, map_location="cpu", weights_only=True)
    refuse_difference(model, weights, folder)
    model.load_state_dict(weights)
    model.eval()
    return model


def _ranker(name: str) -> type[Ranker]:
    if name not in MODELS:
        raise ValueError(f"There is no model {name!r}; models are {', '.join(sorted(MODELS))}.")
    return MODELS[name]


def _read_config(kind: type[RankerConfig], saved: dict[str, Any], folder: Path) -> Any:
    """Turn JSON back into the configuration class, refusing fields it does not have or lacks."""
    pairs = ((kind, saved), (EmbeddingSizes, saved.get("embeddings", {})))
    differing = [field for owner, values in pairs for field in {known.name for known in fields(owner)} ^ set(values)]
    if differing:
        raise ValueError(
            f"{folder} was saved by another version of {kind.__name__}; fields that only one of the two has: "
            f"{', '.join(sorted(differing))}. Train the model again, or load it with the code that saved it."
        )
    return kind(**{**saved, "embeddings": EmbeddingSizes(**saved["embeddings"])})


def _read_features(saved: dict[str, Any], folder: Path) -> NumericNames:
    """The numeric inputs the model was trained on, refused when their meaning has changed since."""
    services = saved.get("feature_services", ["services that were not kept with the model"])
    if services != list(FEATURE_SERVICES):
        raise ValueError(
            f"{folder} was trained on the feature services {', '.join(services)}; features now come from "
            f"{', '.join(FEATURE_SERVICES)}. Train the model again, or load it with the code that saved it."
        )
    return NumericNames(**{name: tuple(names) for name, names in saved["numeric"].items()})


def _refuse_other_tasks(saved: dict[str, Any], folder: Path) -> None:
    """The columns of the logits must mean what they meant; models did not tell their tasks while there were two."""
    tasks = saved.get("tasks", ["click", "purchase"])
    if tasks != list(TASK_NAMES):
        raise ValueError(
            f"{folder} was trained on the tasks {', '.join(tasks)}; tasks are now {', '.join(TASK_NAMES)}. "
            "Train the model again, or load it with the code that saved it."
        )


def refuse_difference(model: Ranker, weights: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Refuse weights that another architecture saved.

    Args:
        model: What they should fit.
        weights: By name.
        folder: Where they came from, for the message.

    Raises:
        ValueError: Names or shapes differ; the message tells which.
    """
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    differences = [
        f"{name}: saved {found.get(name, 'nothing')}, expected {expected.get(name, 'nothing')}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    if differences:
        shown = "; ".join(differences[:5]) + ("; ..." if len(differences) > 5 else "")
        raise ValueError(
            f"{folder} was saved by another architecture ({len(differences)} differing tensors): {shown}. "
            "Train the model again, or load it with the code that saved it."
        )
