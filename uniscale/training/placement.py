"""Whole tensors of a run whose parameters may lie on several workers, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from uniscale.models.ranker import Ranker
from uniscale.models.zoo import MODELS
from uniscale.training.optim import Optimisers
from uniscale.training.sharding import ShardedEmbeddings, part, whole

_TABLES = "inputs.tables.weight"
OBSERVATION = "observation"
"""The part of a ranker that training alone has."""


def whole_state(model: Ranker, optimisers: Optimisers) -> dict[str, Any]:
    """Weights by name, and the state of the optimisers, as whole tensors. Every worker must ask for it."""
    weights = {name: whole(value) for name, value in model.state_dict().items()}
    state = optimisers.state()
    state["dense"] = _each_tensor(state["dense"], whole)
    tables = model.inputs.tables
    if isinstance(tables, ShardedEmbeddings):
        weights[_TABLES] = tables.whole(weights[_TABLES])
        sums = state["embedding"]["state"].get(_index(model))
        if sums is not None:
            sums = {"sum": tables.whole(sums["sum"])}
            state["embedding"]["state"] = {**state["embedding"]["state"], _index(model): sums}
    return {"model": weights, "optimisers": state}


def load_whole_state(model: Ranker, optimisers: Optimisers, state: Mapping[str, Any]) -> None:
    """Give a model and its optimisers their parts of what `whole_state` told."""
    model.load_state_dict(own_parts(model, state["model"]))
    found = {**state["optimisers"]}
    parameters = model.dense_parameters()
    dense = {
        number: {name: part(value, parameters[number]) for name, value in entry.items()}
        for number, entry in found["dense"]["state"].items()
    }
    found["dense"] = {**found["dense"], "state": dense}
    tables = model.inputs.tables
    if isinstance(tables, ShardedEmbeddings) and _index(model) in found["embedding"]["state"]:
        sums = {"sum": tables.part(found["embedding"]["state"][_index(model)]["sum"])}
        states = {**found["embedding"]["state"], _index(model): sums}
        found["embedding"] = {**found["embedding"], "state": states}
    optimisers.restore(found)


def own_parts(model: Ranker, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A worker's parts of whole weights, placed as the model's are."""
    now = model.state_dict()
    parts = {name: part(value, now[name]) if name in now else value for name, value in weights.items()}
    if isinstance(model.inputs.tables, ShardedEmbeddings) and _TABLES in parts:
        parts[_TABLES] = model.inputs.tables.part(parts[_TABLES])
    return parts


def whole_ranker(model: Ranker, state: Mapping[str, Any]) -> Ranker:
    """A plain ranker with the weights of a checkpoint, to be saved and to score.

    Args:
        model: The ranker that was trained, in any placement.
        state: What `Trainer.state` told.
    """
    plain: Ranker = _kind(model)(model.config, size=model.size, domains=model.domains, numeric=model.numeric)
    plain.load_state_dict(
        {name: value for name, value in state["model"].items() if not name.startswith(f"{OBSERVATION}.")}
    )
    plain.eval()
    return plain


def _kind(model: Ranker) -> type[Ranker]:
    """Its class; FSDP2 puts one of its own in front."""
    return MODELS[model.name]


def _index(model: Ranker) -> int:
    """Number of the tables among the parameters of their optimiser."""
    return next(n for n, p in enumerate(model.embedding_parameters()) if p is model.inputs.tables.weight)


def _each_tensor(value: Any, change: Any) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {name: _each_tensor(entry, change) for name, entry in value.items()}
    return value
