"""All rankers, and how they are built, saved and loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from uniscale.contracts.features import FEATURE_SERVICES
from uniscale.contracts.frames import NUMERIC, NumericNames
from uniscale.models.common.embeddings import EmbeddingSizes
from uniscale.models.dlrm import DLRM, DLRM_SIZES, DLRMConfig
from uniscale.models.hhsft import HHSFT, HHSFT_SIZES, HHSFTConfig
from uniscale.models.ranker import Ranker

MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.pt"

__all__ = ["MODELS", "SIZES", "Ranker", "build_model", "load_model", "num_params", "save_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A ranker of the zoo: its class, its configuration class, and a configuration per size."""

    ranker: type[Ranker]
    config: type
    sizes: Mapping[str, Any]


MODELS: dict[str, Entry] = {
    "dlrm": Entry(ranker=DLRM, config=DLRMConfig, sizes=DLRM_SIZES),
    "hhsft": Entry(ranker=HHSFT, config=HHSFTConfig, sizes=HHSFT_SIZES),
}
SIZES = ("xs", "s", "m", "l", "xl")


def build_model(name: str, size: str, domains: tuple[str, ...]) -> Ranker:
    """A new ranker; its weights follow from torch's seed.

    Raises:
        ValueError: No such model or size, or no or repeated domains.
    """
    if size not in SIZES:
        raise ValueError(f"There is no size {size!r}; sizes are {', '.join(SIZES)}.")
    entry = _entry(name)
    return entry.ranker(entry.sizes[size], size=size, domains=tuple(domains), numeric=NUMERIC)


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
        ValueError: The model was saved by another architecture or reads features that are gone; the message tells the
            difference.
    """
    for name in (MODEL_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} holds no saved model: {name} is missing.")
    saved = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
    entry = _entry(saved["name"])
    config = _read_config(entry, saved["config"], folder)
    numeric = _read_features(saved, folder)
    model = entry.ranker(config, size=saved["size"], domains=tuple(saved["domains"]), numeric=numeric)
    weights = torch.load(folder / WEIGHTS_FILE, map_location="cpu", weights_only=True)
    _refuse_difference(model, weights, folder)
    model.load_state_dict(weights)
    model.eval()
    return model


def _entry(name: str) -> Entry:
    if name not in MODELS:
        raise ValueError(f"There is no model {name!r}; models are {', '.join(sorted(MODELS))}.")
    return MODELS[name]


def _read_config(entry: Entry, saved: dict[str, Any], folder: Path) -> Any:
    """Turn JSON back into the configuration class, refusing fields it does not have or lacks."""
    pairs = ((entry.config, saved), (EmbeddingSizes, saved.get("embeddings", {})))
    differing = [field for kind, values in pairs for field in {known.name for known in fields(kind)} ^ set(values)]
    if differing:
        raise ValueError(
            f"{folder} was saved by another version of {entry.config.__name__}; fields that only one of the two has: "
            f"{', '.join(sorted(differing))}. Train the model again, or load it with the code that saved it."
        )
    return entry.config(**{**saved, "embeddings": EmbeddingSizes(**saved["embeddings"])})


def _read_features(saved: dict[str, Any], folder: Path) -> NumericNames:
    """The numeric inputs the model was trained on, refused when their meaning has changed since."""
    services = saved.get("feature_services", ["services of before models kept them"])
    if services != list(FEATURE_SERVICES):
        raise ValueError(
            f"{folder} was trained on the feature services {', '.join(services)}; features now come from "
            f"{', '.join(FEATURE_SERVICES)}. Train the model again, or load it with the code that saved it."
        )
    return NumericNames(**{name: tuple(names) for name, names in saved["numeric"].items()})


def _refuse_difference(model: Ranker, weights: Mapping[str, torch.Tensor], folder: Path) -> None:
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
