"""A trained ranker as a graph without Python: one request of one domain, any number of candidates (`torch.export`).

The graph holds what the scoring of that domain needs and nothing else: heads and experts of other domains are dropped.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.batch.tensors import Batch
from uniscale.models.common.hooks import Prunable
from uniscale.models.common.layout import OneRequest
from uniscale.models.common.routing import OneDomain
from uniscale.models.ranker import Ranker
from uniscale.whole_files import whole_file, write_whole

GRAPH_FILE, ABOUT_FILE = "scoring.pt2", "scoring.json"
ROUTING = ("domain_R", "request_of_item_N")
"""Fields of a `Batch` that the graph does not read: there is one request, and its domain is known."""

LEAST_ITEMS = 2
"""`torch.export` takes sizes 0 and 1 for constants; a request of fewer items is filled up, and its scores cut."""


class ScoringGraph(nn.Module):
    """What is exported: the tensors of one request to the logits of its items.

    Args:
        model: A trained ranker; it is copied.
        domain: Domain of all requests to come.

    Raises:
        ValueError: The ranker does not know the domain.
    """

    def __init__(self, model: Ranker, domain: str) -> None:
        super().__init__()
        if domain not in model.domains:
            raise ValueError(f"the ranker has no domain {domain!r}; its domains are {', '.join(model.domains)}")
        self.model = copy.deepcopy(model).eval()
        self.domain = model.domains.index(domain)
        for part in self.model.modules():
            if isinstance(part, Prunable):
                part.prune(self.domain)

    def forward(self, tensors: dict[str, Tensor]) -> Tensor:
        """Fields of a `Batch` of one request, without `ROUTING`, to logits [N, K]."""
        item_N = tensors["item_N"]
        domain_R = torch.full_like(tensors["user_R"], self.domain)
        batch = Batch(**tensors, domain_R=domain_R, request_of_item_N=torch.zeros_like(item_N))
        buckets = OneDomain(self.domain, len(self.model.domains), item_N)
        logits_NK = self.model.score(self.model.inputs(batch, OneRequest(item_N.shape[0])), buckets)
        return logits_NK + self.model.level_JK[self.domain]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedRanker:
    """A graph that was loaded.

    Attributes:
        program: The graph as a module.
        about: What it is: name, size, domain, all domains of the ranker, length of the history that it reads,
            parameters, tensors that it takes.
    """

    program: Any
    about: dict[str, Any]

    def score(self, batch: Batch) -> Tensor:
        """Logits [N, K] of a request's items.

        Args:
            batch: One request of the graph's domain, with any number of items and a history of any length.

        Raises:
            ValueError: There is not exactly one request.
        """
        if len(batch.domain_R) != 1:
            raise ValueError(f"the graph scores one request at a time, the batch holds {len(batch.domain_R)}")
        with torch.no_grad():
            logits: Tensor = self.program(_tensors(_filled(batch, self.about["history_length"])))
        return logits[: batch.num_items]


def export_ranker(model: Ranker, domain: str, example: Batch, folder: Path) -> ExportedRanker:
    """Write the graph of a ranker into a folder, after checking that it scores as the ranker does.

    Args:
        model: A trained ranker.
        domain: Domain of all requests to come.
        example: A request of that domain with at least two items; tells widths, and is what the check scores.
        folder: Made if it does not exist; receives ``scoring.pt2`` and ``scoring.json``.

    Raises:
        ValueError: The ranker does not know the domain, or the example is not one request of two items or more.
        RuntimeError: The graph scores the example differently from the ranker.
    """
    if len(example.domain_R) != 1 or example.num_items < LEAST_ITEMS:
        raise ValueError(
            f"the example holds {len(example.domain_R)} requests and {example.num_items} items; give one request of "
            f"at least {LEAST_ITEMS} items"
        )
    graph = ScoringGraph(model, domain)
    example = _filled(example, model.inputs.history_length)
    tensors = _tensors(example)
    items = torch.export.Dim("items", min=LEAST_ITEMS)
    shapes = {name: {0: items} if _is_per_item(name) else None for name in tensors}
    with torch.no_grad():
        program = torch.export.export(graph, (tensors,), dynamic_shapes=(shapes,))
        expected = _eager(model, replace(example, domain_R=torch.full_like(example.domain_R, graph.domain)))
    about = {
        "name": model.name,
        "size": model.size,
        "domain": domain,
        "domains": list(model.domains),
        "history_length": example.history_items_RL.shape[1],
        "num_params": sum(parameter.numel() for parameter in graph.parameters()),
        "fields": {name: str(value.dtype) for name, value in tensors.items()},
    }
    with whole_file(folder / GRAPH_FILE) as unfinished:
        torch.export.save(program, unfinished)
    write_whole(folder / ABOUT_FILE, json.dumps(about, indent=2) + "\n")
    exported = load_exported(folder)
    difference = float((exported.score(example) - expected).abs().max())
    if not difference < 1e-3:
        raise RuntimeError(f"the graph of {model.name} ({model.size}) differs from the ranker by up to {difference:g}")
    return exported


def load_exported(folder: Path) -> ExportedRanker:
    """The graph that `export_ranker` wrote.

    Raises:
        FileNotFoundError: The folder holds no graph.
    """
    for name in (GRAPH_FILE, ABOUT_FILE):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} holds no exported ranker: {name} is missing")
    about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
    return ExportedRanker(program=torch.export.load(folder / GRAPH_FILE).module(), about=about)


def _eager(model: Ranker, batch: Batch) -> Tensor:
    was_training = model.training
    model.eval()
    logits: Tensor = model(batch)
    model.train(was_training)
    return logits


def _tensors(batch: Batch) -> dict[str, Tensor]:
    return {field.name: getattr(batch, field.name) for field in fields(batch) if field.name not in ROUTING}


def _is_per_item(name: str) -> bool:
    return name.rsplit("_", 1)[-1].startswith("N")


def _filled(batch: Batch, history_length: int) -> Batch:
    """The batch as the graph takes it: at least `LEAST_ITEMS` items, and histories of one length, newest first.

    Of the missing ones nothing is known.
    """
    lacking = max(0, LEAST_ITEMS - batch.num_items)
    filled = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if _is_per_item(field.name) and lacking:
            filled[field.name] = torch.cat([value, value.new_zeros(lacking, *value.shape[1:])])
        elif field.name.endswith("_RL"):
            known = value[:, :history_length]
            filled[field.name] = functional.pad(known, (0, history_length - known.shape[1]))
    return replace(batch, **filled)
