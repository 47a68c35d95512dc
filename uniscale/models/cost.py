"""What a ranker costs: parameters, held and used, and floating-point operations per request and per item."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from uniscale.contracts.frames import HISTORY_LENGTH, NUMERIC
from uniscale.models.common.embeddings import EmbeddingSizes
from uniscale.models.common.hooks import PartlyActive
from uniscale.models.ranker import Ranker
from uniscale.models.size import Size
from uniscale.models.synthetic import random_batch


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Costs of a ranker.

    Attributes:
        embedding_params: Parameters in tables with sparse gradients.
        dense_params: All others.
        activated_params: Dense parameters that the scoring of one item uses, and the table rows of a memory it reads.
        flops_per_request: Operations for a request whatever its number of items: query, user, history. Matrix products
            and attention only, a multiplication and an addition each counted.
        flops_per_item: Operations for each of its items.
        flops_per_batch: Operations on weights alone, once per batch however large.
    """

    embedding_params: int
    dense_params: int
    activated_params: int
    flops_per_request: int
    flops_per_item: int
    flops_per_batch: int


def cost_of(model: Ranker) -> Cost:
    """Costs of a ranker in scoring, for a history of the full length.

    Raises:
        RuntimeError: Operations do not grow in proportion to requests and items.
    """
    return _cost(model, flops_of(model))


def cost_at(ranker: type[Ranker], size: Size, domains: tuple[str, ...]) -> Cost:
    """Costs of a ranker at a size, without making its tables: operations do not depend on their rows."""
    config = ranker.Config.of(size)
    with torch.device("meta"):
        model = ranker(config, size=size.name, domains=domains, numeric=NUMERIC)
    narrow = replace(config, embeddings=EmbeddingSizes.of(width=config.embeddings.width, items=1024))
    return _cost(model, flops_of(ranker(narrow, size=size.name, domains=domains, numeric=NUMERIC)))


def _cost(model: Ranker, flops: tuple[int, int, int]) -> Cost:
    embedding = sum(p.numel() for p in model.embedding_parameters())
    total = sum(p.numel() for p in model.parameters())
    tables = model.inputs.tables.weight.numel()
    inactive = sum(part.num_inactive() for part in model.modules() if isinstance(part, PartlyActive))
    return Cost(
        embedding_params=embedding,
        dense_params=total - embedding,
        activated_params=total - tables - inactive,
        flops_per_request=flops[0],
        flops_per_item=flops[1],
        flops_per_batch=flops[2],
    )


def flops_of(model: Ranker) -> tuple[int, int, int]:
    """Operations per request, per item and per batch, from three counts; a fourth must agree.

    Raises:
        RuntimeError: It does not.
    """
    was_training = model.training
    model.eval()
    _count(model, 2, 8)  # what a ranker computes once and keeps
    few, many, more, most = (_count(model, *shape) for shape in ((2, 8), (2, 16), (4, 8), (4, 16)))
    model.train(was_training)
    per_item, per_request = (many - few) // 16, (more - many) // 2
    per_batch = few - 2 * per_request - 16 * per_item
    if most != per_batch + 4 * per_request + 64 * per_item:
        raise RuntimeError(
            f"{model.name} takes {few}, {many}, {more} and {most} operations for 2 x 8, 2 x 16, 4 x 8 and 4 x 16 "
            "items: not so many per request and so many per item"
        )
    return per_request, per_item, per_batch


def _count(model: Ranker, num_requests: int, num_items: int) -> int:
    batch = random_batch(sizes=(num_items,) * num_requests, length=HISTORY_LENGTH, num_domains=1, missing=0.0)
    device = next(model.parameters()).device
    # The counter does not know the attention kernel of the CPU; the plain one is made of products that it knows.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(batch.to(device))
    return int(counter.get_total_flops())
