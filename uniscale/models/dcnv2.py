"""DCNv2: a cross network next to a deep one (arXiv 2008.13535).

All features of an item and its request side by side are x_0. Layer l of the cross network multiplies them once more:
`x_{l+1} = x_0 * (W_l x_l + b_l) + x_l`, so L layers hold every product of at most L + 1 features. W is one matrix, or
`U V^T` of two thin ones, or a gated mixture of such experts, each with a bend inside:
`sum_e G_e(x) U_e g(C_e g(V_e^T x))`.

What the paper leaves open, and what is done here:

- The two networks stand side by side (the paper's parallel form; it also has a stacked one): the first layer of both
  reads x_0, whose request part is then multiplied once per request.
- One layer joins both networks before the heads; the paper's logit reads both directly, but has one task and one head.
- g is tanh, the gate a softmax. No norm: features come standardised and cut.

Letters: R requests, N items, C columns of x_0, P columns inside W, E experts, O rank, K tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.frames import NumericNames
from uniscale.models.common.checks import check_at_least
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import TokenProjection, linear, linear_of_parts, projection
from uniscale.models.common.layout import Layout
from uniscale.models.common.routing import Buckets
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class DCNv2Config(RankerConfig):
    """Everything that sets the size and the shape of DCNv2.

    Attributes:
        cross_layers: L.
        cross_rank: Rank of every W; None is full rank.
        num_experts: Low-rank experts of every W; 1 is a plain low-rank W without a bend.
        mlp_width: Width of the deep network's first layer; its second is half as wide.
        sample_width: Width of the layer that joins both networks, which the heads read.
    """

    cross_layers: int
    cross_rank: int | None
    num_experts: int = 1
    mlp_width: int
    sample_width: int

    def __post_init__(self) -> None:
        check_at_least(1, cross_layers=self.cross_layers, cross_rank=self.cross_rank, num_experts=self.num_experts)
        check_at_least(2, mlp_width=self.mlp_width)
        check_at_least(1, sample_width=self.sample_width)
        if self.num_experts > 1 and self.cross_rank is None:
            raise ValueError(f"num_experts={self.num_experts} are of low rank: set cross_rank, or use num_experts=1")

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        return cls(
            embeddings=size.embeddings,
            cross_layers=size.depth + 1,
            cross_rank=2 * size.width,
            mlp_width=16 * size.width,
            sample_width=4 * size.width,
        )


class DCNv2(Ranker):
    """Deep and Cross Network, second version."""

    name = "dcnv2"
    Config = DCNv2Config

    def __init__(self, config: DCNv2Config, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        width, deep_width = self.inputs.request_width + self.inputs.item_width, config.mlp_width // 2
        self.cross = nn.ModuleList(
            CrossLayer(width, config.cross_rank, config.num_experts) for _ in range(config.cross_layers)
        )
        self.deep_in = linear(width, config.mlp_width)
        self.deep_out = linear(config.mlp_width, deep_width)
        self.join = linear(width + deep_width, config.sample_width)
        self.heads = domain_heads(config.sample_width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        features = Features(
            request_RC=torch.cat(inputs.requests, 1), item_NC=torch.cat(inputs.items, 1), layout=inputs.layout
        )
        deep_NC = functional.gelu(features.through(self.deep_in))
        deep_NC = functional.gelu(self.deep_out(deep_NC))
        joined_NC = linear_of_parts(self.join, [self._cross(features), deep_NC])
        return self.heads(functional.gelu(joined_NC), buckets)

    def _cross(self, features: Features) -> Tensor:
        x0_NC = features.values()
        first, *others = self.cross
        x_NC = first.multiply(x0_NC, x0_NC, features.through(first.inner))
        for layer in others:
            x_NC = layer(x0_NC, x_NC)
        return x_NC


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """All features of items, x_0; those of the request are held once.

    Attributes:
        request_RC: Of the requests.
        item_NC: Of the items.
        layout: Which item belongs to which request.
    """

    request_RC: Tensor
    item_NC: Tensor
    layout: Layout

    def values(self) -> Tensor:
        """x_0, [N, C]."""
        return torch.cat([self.layout.expand(self.request_RC), self.item_NC], 1)

    def through(self, layer: nn.Linear) -> Tensor:
        """The layer's output for x_0, [N, P]: the sum of two products, one of them computed once per request."""
        width = self.request_RC.shape[1]
        request_RP = functional.linear(self.request_RC, layer.weight[:, :width], layer.bias)
        return self.layout.expand(request_RP) + functional.linear(self.item_NC, layer.weight[:, width:])


class CrossLayer(nn.Module):
    """`x_0 * (W x + b) + x`.

    Args:
        width: C.
        rank: O, of W; None is full rank.
        num_experts: E.

    Raises:
        ValueError: Two matrices of this rank are larger than the one they stand for.
    """

    def __init__(self, width: int, rank: int | None, num_experts: int = 1) -> None:
        super().__init__()
        if rank is not None and 2 * rank > width:
            raise ValueError(
                f"cross_rank={rank} saves nothing on {width} columns; use at most {width // 2}, or None for full rank."
            )
        self.inner: nn.Linear
        self.outer: nn.Module
        if rank is None:
            self.inner, self.outer = linear(width, width), nn.Identity()
        elif num_experts == 1:
            self.inner, self.outer = projection(width, rank), linear(rank, width)
        else:
            self.inner, self.outer = projection(width, num_experts * (rank + 1)), Experts(num_experts, rank, width)

    def forward(self, x0_NC: Tensor, x_NC: Tensor) -> Tensor:
        """[N, C] and [N, C] -> [N, C]."""
        return self.multiply(x0_NC, x_NC, self.inner(x_NC))

    def multiply(self, x0_NC: Tensor, x_NC: Tensor, inner_NP: Tensor) -> Tensor:
        """The same, given what the inner matrix of W made of x."""
        return (x0_NC * self.outer(inner_NP)).add_(x_NC)


class Experts(nn.Module):
    """`sum_e G_e U_e g(C_e g(V_e^T x)) + b`, given `V^T x` of all experts and the logits of the gate side by side.

    Args:
        num_experts: E.
        rank: O.
        width: C.
    """

    def __init__(self, num_experts: int, rank: int, width: int) -> None:
        super().__init__()
        self.num_experts = num_experts
        self.bend = TokenProjection(num_experts, rank, rank)
        self.out = linear(num_experts * rank, width)

    def forward(self, inner_NP: Tensor) -> Tensor:
        """[N, E O + E] -> [N, C]."""
        logit_NE = inner_NP[:, -self.num_experts :]
        h_NEO = torch.tanh(inner_NP[:, : -self.num_experts].unflatten(1, (self.num_experts, -1)))
        h_NEO = torch.tanh(self.bend(h_NEO.transpose(0, 1)).transpose(0, 1))
        return self.out((torch.softmax(logit_NE, 1).unsqueeze(2) * h_NEO).flatten(1))
