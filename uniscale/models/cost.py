"""What a ranker costs: parameters, held and used, and floating-point operations per request and per item.

Operations are counted on a ranker without numbers (on PyTorch's meta device): they follow from shapes alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import FlopCounterMode

from uniscale.batch.synthetic import random_batch
from uniscale.contracts.frames import NUMERIC, NumericNames
from uniscale.models.common.hooks import PartlyActive
from uniscale.models.ranker import Ranker
from uniscale.models.size import Size


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
    """Costs of a ranker in scoring, for a history of the full length; gates count as open.

    Raises:
        RuntimeError: Operations do not grow in proportion to requests and items.
    """
    skeleton = _skeleton(type(model), model.config, model.size, model.domains, model.numeric)
    return _cost(model, flops_of(skeleton))


def cost_at(ranker: type[Ranker], size: Size, domains: tuple[str, ...]) -> Cost:
    """Costs of a ranker at a size, without making a single weight."""
    skeleton = _skeleton(ranker, ranker.Config.of(size), size.name, domains, NUMERIC)
    return _cost(skeleton, flops_of(skeleton))


def _skeleton(ranker: type[Ranker], config: Any, size: str, domains: tuple[str, ...], numeric: NumericNames) -> Ranker:
    with torch.device("meta"):
        return ranker(config, size=size, domains=domains, numeric=numeric)


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


def flops_of(skeleton: Ranker) -> tuple[int, int, int]:
    """Operations per request, per item and per batch, from three counts; a fourth must agree.

    Args:
        skeleton: A ranker on the meta device.

    Raises:
        RuntimeError: It does not.
    """
    skeleton.eval()
    _count(skeleton, 2, 8)  # what a ranker computes once and keeps
    few, many, more, most = (_count(skeleton, *shape) for shape in ((2, 8), (2, 16), (4, 8), (4, 16)))
    per_item, per_request = (many - few) // 16, (more - many) // 2
    per_batch = few - 2 * per_request - 16 * per_item
    if most != per_batch + 4 * per_request + 64 * per_item:
        raise RuntimeError(
            f"{skeleton.name} takes {few}, {many}, {more} and {most} operations for 2 x 8, 2 x 16, 4 x 8 and 4 x 16 "
            "items: not so many per request and so many per item"
        )
    return per_request, per_item, per_batch


def _count(skeleton: Ranker, num_requests: int, num_items: int) -> int:
    length = skeleton.inputs.history_length
    batch = random_batch(sizes=(num_items,) * num_requests, length=length, num_domains=1, missing=0.0)
    # The counter does not know the attention kernel of the CPU; the plain one is made of products that it knows.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), _ShapesOnly(), FlopCounterMode(display=False) as counter:
        skeleton(batch)
    return int(counter.get_total_flops())


class _ShapesOnly(TorchDispatchMode):
    """What no weight has touched is computed, of the rest the shapes only.

    Domains and places of items decide shapes, so they need their values.
    """

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        given = (args, kwargs or {})
        if any(isinstance(leaf, Tensor) and leaf.is_meta for leaf in tree_leaves(given)):
            given = tree_map_only(Tensor, lambda tensor: tensor.to("meta"), given)
        return func(*given[0], **given[1])
